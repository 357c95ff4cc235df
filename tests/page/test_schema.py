from pasticcio.page.schema import options_schema
from pasticcio.render.options import Options


def test_the_schema_has_the_ranges_of_the_options():
    properties = options_schema()["properties"]
    assert properties["strength"]["maximum"] == 1.5
    assert properties["colors"]["enum"] == ["style", "match", "luminance"]
    assert properties["tile"]["anyOf"] == [{"const": 0}, {"minimum": 64}]
    assert properties["texture"]["default"] == Options().texture
    assert "mask" not in properties
