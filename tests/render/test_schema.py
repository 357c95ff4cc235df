from pasticcio.render.options import Options
from pasticcio.render.schema import schema


def test_the_schema_has_the_ranges_of_the_options():
    properties = schema(Options, leave_out=["mask"])["properties"]
    assert properties["strength"]["maximum"] == 1.5
    assert properties["colors"]["enum"] == ["style", "match", "luminance"]
    assert properties["tile"]["anyOf"] == [
        {"const": 0, "description": "one pass"},
        {"type": "integer", "minimum": 64},
    ]
    assert properties["texture"]["default"] == Options().texture
    assert "mask" not in properties
