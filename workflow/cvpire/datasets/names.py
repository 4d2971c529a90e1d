"""Names of photos, by which everything refers to them."""

import unicodedata


def photo_name(text: str) -> str:
    """Bring a name into the one form in which names are compared.

    Parameters
    ----------
    text : str
        A file stem. File systems differ in how they write accents, so the form is Unicode's NFC.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        The name cannot stand in a path or in a line of a table.
    """
    if not text or text.startswith(".") or "/" in text:
        raise ValueError("expected a photo's name: its file name without folder and suffix, not starting with a dot")
    # Some spaces are not "printable" and yet in use, so only what may be bad is looked at closely.
    if not text.isprintable() and any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("a photo's name must be valid Unicode without line breaks and other control characters")
    return unicodedata.normalize("NFC", text)
