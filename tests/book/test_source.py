"""reco_book.source: what a cell displays is the code that runs."""

import ast
import functools
import html
import inspect
import re

import pytest

from reco_book.reference import oracle
from reco_book.source import PAPER_EQUATIONS, show, without_docstrings
from reco_core import losses
from reco_core.losses import RegionalContrastLoss, contrast


def test_plain_text_is_the_source_below_its_file():
    shown = show(oracle.query_loss)
    assert repr(shown) == "# reco_book/reference/oracle.py\n" + inspect.getsource(oracle.query_loss).rstrip("\n")


def test_html_holds_the_same_text():
    shown = show(contrast)
    (code,) = re.findall(r"<pre[^>]*>(.*)</pre>", shown._repr_html_(), re.DOTALL)
    assert html.unescape(re.sub(r"<[^>]+>", "", code)).rstrip("\n") == shown.text
    assert shown._repr_html_().count("<span") > 50, "nothing is highlighted"


def test_several_objects_stand_in_the_given_order_and_name_each_file_once():
    shown = show(oracle.query_loss, oracle.class_mean, contrast).text
    names = re.findall(r"^def (\w+)", shown, re.MULTILINE)
    assert names == ["query_loss", "class_mean", "contrast"]
    assert re.findall(r"^# (\S+\.py)$", shown, re.MULTILINE) == ["reco_book/reference/oracle.py", "reco_core/losses.py"]


def test_a_method_is_not_indented_and_keeps_its_decorators():
    shown = show(RegionalContrastLoss.draw).text.splitlines()
    assert shown[1:3] == ["@torch.no_grad()", "def draw("]
    assert ast.parse("\n".join(shown)).body[0].name == "draw"


def test_a_wrapped_function_is_shown_as_it_was_written():
    wrapped = functools.cache(oracle.dot)
    assert show(wrapped).text == show(oracle.dot).text


def test_without_docstrings_the_same_code_remains():
    """Compared as syntax trees: every statement but the docstrings."""

    def stripped(text):
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and ast.get_docstring(node) is not None:
                node.body = node.body[1:]
        return ast.dump(tree)

    for shown in (losses, RegionalContrastLoss, losses._OwnKeysContrast, oracle.reco_loss):
        text = show(shown, docstrings=False).text
        assert ast.dump(ast.parse(text)) == stripped(show(shown).text) != ast.dump(ast.parse(show(shown).text))
    text = 'def f():\n    """One.\n\n    Two.\n    """\n\n    return 1  # why'
    assert without_docstrings(text) == "def f():\n    return 1  # why"
    assert without_docstrings('def f():\n    """Nothing else."""') == 'def f():\n    """Nothing else."""'


def test_equations_are_named_as_in_the_paper():
    assert "Eq. 1" in show(contrast).text and ":eq:" not in show(losses).text
    assert sorted(PAPER_EQUATIONS.values()) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("objects", [(), (len,), (3,), (oracle.dot, 3)])
def test_what_has_no_source_is_refused(objects):
    with pytest.raises(TypeError):
        show(*objects)
