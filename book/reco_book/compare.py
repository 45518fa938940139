"""The paper's numbers beside recorded runs, cell by cell (`reco table`)."""

from reco_book.cells import cell_recipe
from reco_book.paper import paper_table
from reco_book.recorded import Places, recipe_scores
from reco_book.seeds import summarise
from reco_book.tables import markdown, with_spread


def beside_the_paper(key: str, results: Places, which: str = "last") -> str:
    """A Markdown table of one line a cell: the paper's number, ours with its spread and seeds, the recipe.

    Args:
        key: of the paper's table.
        results: folder of the records, laid out by recipe as `reco reproduce` does; a record counts for all recipes
            of its configuration.
        which: "last" or "best".
    """
    table = paper_table(key)
    rows = []
    for method, scores in table.rows.items():
        for column, score in zip(table.columns, scores, strict=True):
            name = cell_recipe(table, method, column)
            if score is None:
                continue
            values = recipe_scores(name, results, which) if name else {}
            ours = f"{with_spread(summarise(values))} ({len(values)} seeds)" if values else ""
            if not values:
                ours = "no record" if name else "another paper's"
            rows.append([method, f"{column[0]} {column[1]}", f"{score:.2f}", ours, f"`{name}`" if name else ""])
    title = f"{table.name}: {table.title}. Mean IoU in percent; paper: mean of 3 runs, best step."
    note = f"\n\n{table.note}" if table.note else ""
    return f"{title}\n\n{markdown(['Method', 'Column', 'Paper', f'Ours, {which}', 'Recipe'], rows)}{note}"
