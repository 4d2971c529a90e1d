"""What happens to a saved query before a system sees it: JPEG, resizing, crop, noise and the like (section 5.2.1)."""
