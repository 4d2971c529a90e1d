"""What mkdocs does to a page of docs/ before it builds the site (mkdocs.yml names this file)."""

import logging
import re
from pathlib import Path
from posixpath import dirname, join, normpath

import article
from cvpire.errors import InputError
from mkdocs.exceptions import PluginError

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<!!)\[(?P<words>[^\]]*)\]\((?P<target>[^)\s:#]+)(?P<anchor>#[^)\s]*)?\)")

# Below `mkdocs`, so that a warning fails a strict build.
log = logging.getLogger("mkdocs.hooks.cvpire")


def on_page_markdown(markdown, page, config, files):
    """Fill in the article's numbers, and turn links to files outside docs/ into what works on a site."""
    if page.file.src_uri == "article.md":
        try:
            markdown = article.filled()
        except InputError as error:
            raise PluginError(f"article.md: {error}") from None
    return inside_the_site(markdown, page.file.src_uri, config.repo_url)


def inside_the_site(markdown: str, page: str, repository: str | None = None) -> str:
    """Replace links to files of the repository that are no pages of the site.

    On the repository's host they lead to the file; a site does not have it.

    Parameters
    ----------
    markdown : str
        Text of the page.
    page : str
        Its path below docs/, such as `tutorials/extend-it.md`.
    repository : str, optional
        `repo_url` of mkdocs.yml: links lead there. Without it they become the file's path, as code.
    """

    def replaced(link: re.Match) -> str:
        path = normpath(join("docs", dirname(page), link["target"]))
        if path.startswith("docs/"):
            return link[0]
        if path.startswith("..") or not (ROOT / path).exists():
            log.warning("%s: there is no %s, to which [%s] leads", page, path, link["words"])
        if repository:
            return f"[{link['words']}]({repository.rstrip('/')}/blob/HEAD/{path}{link['anchor'] or ''})"
        words = link["words"].strip("`")
        named = path.endswith((words, words.replace(".", "/")))
        return f"`{path}`" if named else f"{link['words']} (`{path}`)"

    return LINK.sub(replaced, markdown)
