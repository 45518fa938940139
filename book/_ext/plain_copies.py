"""Sphinx extension of this book: copies of the chapters in plain Markdown, for readers of Colab and GitHub.

Both show a notebook as it is stored, and know neither MyST's roles nor its directives. A build therefore writes every
chapter once more, into `_build/colab`: references, numbers and citations resolved as on the pages, exercises and notes
written out, captions below the figures. `scripts/push_copies.sh` puts the folder on the branch `colab`, which
the launch buttons open. What a page offers for download is the same copy without outputs.
"""

import copy
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import nbformat
from docutils import nodes
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.parsers.mdit import create_md_parser
from sphinx.addnodes import pending_xref
from sphinx.errors import ExtensionError
from sphinx.util.docutils import ReferenceRole

BRANCH = "colab"
"""Branch of the repository that holds the copies, and their folder beside the pages."""
NOTES = ("admonition", "note", "tip", "hint", "important", "warning", "caution", "attention", "seealso")
INLINE = re.compile(
    r"(?<![`\\])\{(?P<role>[\w:-]+)\}`(?P<text>[^`]+)`"
    r"|(?P<open>\[?)\]\((?P<link>[^)\s]+)\)"
    r"|(?P<ticks>`+)(?:(?!`).)+?(?P=ticks)(?!`)|\$[^$]+\$",  # code and mathematics stay as they are
    re.DOTALL,
)
OPTIONS = re.compile(r"(?::[\w-]+:.*(?:\n|$))*")


def site_of(app: Any) -> str:
    """Where the pages are read: `html_baseurl`, or else the repository's GitHub Pages."""
    owner, name = app.config.html_theme_options["repository_url"].rstrip("/").split("/")[-2:]
    return (app.config.html_baseurl or f"https://{owner}.github.io/{name}").rstrip("/") + "/"


def colab_address(app: Any, docname: str) -> str:
    """Where Colab opens a chapter's copy."""
    options = app.config.html_theme_options
    slug = "/".join(options["repository_url"].rstrip("/").split("/")[-2:])
    return f"{options['launch_buttons']['colab_url'].rstrip('/')}/github/{slug}/blob/{BRANCH}/{docname}.ipynb"


class Chapter:
    """One chapter of a finished build, to be written in plain Markdown.

    Args:
        app: Sphinx, with the environment of the build.
        docname: such as `notebooks/01_few_labels`.
    """

    def __init__(self, app: Any, docname: str) -> None:
        self.app, self.env, self.docname = app, app.env, docname
        self.page = site_of(app) + app.builder.get_target_uri(docname)
        self.parser = create_md_parser(app.env.myst_config, RendererHTML)
        self.sections = iter(self.env.toc_secnumbers.get(docname, {}).values())
        self.title = ""

    def fail(self, what: str) -> ExtensionError:
        return ExtensionError(f"{self.docname}: no plain form of {what}; book/_ext/plain_copies.py knows the others")

    def notebook(self) -> nbformat.NotebookNode:
        """The copy, with the chapter's code cells and outputs."""
        original = nbformat.read(self.env.doc2path(self.docname), as_version=4)
        result = copy.deepcopy(original)
        result.cells = []
        for cell in original.cells:
            if cell.cell_type == "markdown":
                cell.source = self.blocks(cell.source, top=True)
            figure = cell.metadata.pop("mystnb", {}).get("figure")
            hidden = {"hide-cell", "hide-input"} & set(cell.metadata.get("tags", []))
            if hidden:  # JupyterLab and Colab fold them too
                cell.metadata |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
            result.cells.append(cell)
            if figure and cell.outputs:
                caption = f"**{self.numbered('figure', figure['name'])}** {self.inline(figure['caption'])}"
                result.cells.append(nbformat.v4.new_markdown_cell(caption, id=figure["name"]))
        links = f"[This page in the book]({self.page}) · [Open in Colab]({colab_address(self.app, self.docname)})"
        result.cells.insert(1, nbformat.v4.new_markdown_cell(links, id="links"))
        return result

    def numbered(self, kind: str, label: str) -> str:
        """The number of a figure, an exercise or an equation with its name, as on the page: "Fig. 1.2"."""
        number = self.env.toc_fignumbers.get(self.docname, {}).get(kind, {}).get(label)
        if number is None:
            raise self.fail(f"the {kind} {label}, which has no number on the page")
        return self.app.config.numfig_format.get(kind, "%s") % ".".join(map(str, number))

    def blocks(self, text: str, top: bool = False) -> str:
        """Markdown without MyST; headings are numbered where `top` says that the text is not within a directive."""
        lines, parts, done = text.split("\n"), [], 0
        for token in self.parser.parse(text):
            if token.map is None or token.nesting < 0:
                continue
            if token.level:
                if token.type.endswith("fence") and token.info.startswith("{"):
                    raise self.fail(f"a directive within a list or a quotation: {token.info}")
                continue
            begin, end = token.map
            parts += [*lines[done:begin], self.block(token, "\n".join(lines[begin:end]), top)]
            done = end
        return "\n".join([*parts, *lines[done:]]).strip("\n")

    def block(self, token: Token, raw: str, top: bool) -> str:
        """One block, such as a paragraph, a list or a directive, from its first token and its text."""
        if token.type.endswith("fence") and token.info.startswith("{"):
            return self.directive(token)
        if token.type in ("fence", "code_block", "math_block"):
            return raw
        if token.type == "math_block_label":
            number = self.numbered("displaymath", nodes.make_id(f"equation-{token.info}"))
            return f"$$\n{token.content.strip()}\n\\tag{{{number}}}\n$$"
        if token.type.startswith("myst_"):  # a target, a comment or a break: nothing of it is seen
            return ""
        if token.type == "heading_open" and top:
            marks, _, heading = self.inline(raw).partition(" ")
            number = ".".join(map(str, next(self.sections, ())))
            heading = f"{number}. {heading}" if number else heading
            self.title = self.title or heading
            return f"{marks} {heading}"
        return self.inline(raw)

    def directive(self, token: Token) -> str:
        """An exercise, a solution or a note."""
        name, _, argument = token.info.strip()[1:].partition("}")
        header = OPTIONS.match(token.content)[0]  # type: ignore[index]  # it matches the empty text too
        options = dict(re.findall(r"^:([\w-]+): *(.*)$", header, re.MULTILINE))
        body = self.blocks(token.content[len(header) :].strip("\n"))
        if name == "exercise":
            title = f" ({self.inline(argument.strip())})" if argument.strip() else ""
            return f"#### {self.numbered('exercise', options['label'])}{title}\n\n{body}"
        if name == "solution":
            return folded("Solution", body)
        if name in NOTES:
            title = argument.strip() if name == "admonition" else name.replace("seealso", "see also").capitalize()
            return folded(title, body, is_open="dropdown" not in options.get("class", ""))
        raise self.fail(f"the directive {name}")

    def inline(self, text: str) -> str:
        """Text with its roles and links resolved."""

        def plain(match: re.Match[str]) -> str:
            if match["role"]:
                return self.reference(match["role"], match["text"])
            if match["link"]:
                name, address = self.link(match["link"])
                return f"{match['open']}{name if match['open'] else ''}]({address})"
            return match[0]

        return INLINE.sub(plain, text)

    def reference(self, role: str, text: str) -> str:
        """What Sphinx makes of a reference on the page: its text, and a link if it leads to another page."""
        explicit = ReferenceRole.explicit_title_re.match(text)
        title, target = explicit.groups() if explicit else (text, text)
        domain, _, kind = {"eq": "math:eq", "cite": "cite:p"}.get(
            role, role if ":" in role else f"std:{role}"
        ).partition(":")
        node = pending_xref("", refdomain=domain, reftype=kind, reftarget=target, refexplicit=bool(explicit))
        node["refdoc"] = self.docname
        found = None
        if domain in self.env.domains:
            found = self.env.get_domain(domain).resolve_xref(
                self.env, self.docname, self.app.builder, kind, target, node, nodes.inline(title, title)
            )
        if found is None:
            raise self.fail(f"{{{role}}}`{text}`")
        return self.markdown(found)

    def markdown(self, node: nodes.Node) -> str:
        """A resolved reference in Markdown."""
        if isinstance(node, nodes.Text):
            return str(node.astext())
        inner = "".join(self.markdown(child) for child in node.children)
        if isinstance(node, nodes.emphasis):
            return f"*{inner}*"
        if isinstance(node, nodes.reference) and not node.get("refuri", "#").startswith("#"):
            return f"[{inner}]({urljoin(self.page, node['refuri'])})"
        return inner

    def link(self, target: str) -> tuple[str, str]:
        """Title and address of what a link names: a page of the book, a file of the repository, or anything else."""
        if re.match(r"[a-z]+:", target):
            return target, target
        path, _, anchor = target.partition("#")
        file = (Path(self.env.doc2path(self.docname)).parent / path).resolve() if path else None
        docname = self.docname if file is None else self.env.path2doc(str(file))
        if docname in self.env.found_docs:
            address = site_of(self.app) + self.app.builder.get_target_uri(docname)
            return self.env.titles[docname].astext(), f"{address}#{anchor}" if anchor else address
        if file is None or not file.exists():
            raise self.fail(f"the link {target}")
        options = self.app.config.html_theme_options
        inside = file.relative_to(Path(self.app.srcdir).resolve())
        return inside.name, f"{options['repository_url']}/blob/{options['repository_branch']}/{inside}"


def folded(title: str, body: str, is_open: bool = False) -> str:
    """A part that a click opens, in the HTML that Colab, GitHub and JupyterLab all know."""
    state = " open" if is_open else ""
    return f"<details{state}>\n<summary><b>{MarkdownIt().renderInline(title)}</b></summary>\n\n{body}\n\n</details>"


def write_copies(app: Any, exception: Exception | None) -> None:
    """Write the copies of all chapters, a list of them, and the notebooks that the pages offer for download."""
    if exception or app.builder.format != "html":
        return
    folder, rows = Path(app.outdir).parent / BRANCH, []
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "notebooks").mkdir(parents=True)
    for docname in sorted(name for name in app.env.found_docs if name.startswith("notebooks/")):
        chapter = Chapter(app, docname)
        notebook = chapter.notebook()
        nbformat.write(notebook, folder / f"{docname}.ipynb")
        rows.append(f"- [{chapter.title}]({docname}.ipynb), [in Colab]({colab_address(app, docname)})")
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, Path(app.outdir) / "_sources" / f"{docname}.ipynb")
    branch = app.config.html_theme_options["repository_branch"]
    text = f"# {app.config.html_title}\n\nCopies of the chapters for Colab and GitHub, written by the book's build. "
    text += f"Changes belong into the branch `{branch}`.\n\n"
    (folder / "README.md").write_text(text + "\n".join(rows) + "\n", encoding="utf-8")


def launch_the_copy(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Let the Colab button of a page open the copy."""
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button.get("text") == "Colab":
                button["url"] = colab_address(app, pagename)


def setup(app: Any) -> dict[str, bool]:
    """Change the buttons after the theme made them, and write the copies at the end."""
    app.connect("html-page-context", launch_the_copy, priority=990)
    app.connect("build-finished", write_copies)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
