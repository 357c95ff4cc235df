import dataclasses

from pasticcio.experiments.run import run


def test_labels_are_told_by_what_pictures_differ_in(context):
    text = run("knowledge", dataclasses.replace(context, amount=0))
    assert (context.out / "knowledge.png").exists()
    rows = [line.split(" | ") for line in text.splitlines()[2:]]
    assert len(rows) == 16
    # colors are all that these pictures differ in
    assert [row[2].split("%")[0] for row in rows if row[1] == "colors"] == ["100.0"] * 4
