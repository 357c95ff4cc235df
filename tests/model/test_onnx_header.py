import pytest

from pasticcio.model.folder import SHIPPED
from pasticcio.model.onnx_header import read_header


def test_the_header_is_what_onnx_reads():
    onnx = pytest.importorskip("onnx")
    for path in (SHIPPED / "default").glob("*.onnx"):
        header, graph = read_header(path.read_bytes()), onnx.load(path, load_external_data=False).graph
        for found, values in ((header.inputs, graph.input), (header.outputs, graph.output)):
            assert found == {
                one.name: (
                    onnx.helper.tensor_dtype_to_np_dtype(one.type.tensor_type.elem_type).name,
                    tuple(d.dim_value for d in one.type.tensor_type.shape.dim),
                )
                for one in values
            }
        places = [{e.key: e.value for e in one.external_data} for one in graph.initializer if one.external_data]
        assert header.external == places
        assert header.domains == {node.domain for node in graph.node if node.HasField("domain")}


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff" * 40, b"\x3a\xff\xff\xff\xff\x0f", b"GIF89a", b"\x3a\x00"])
def test_other_bytes_are_no_onnx_file(data):
    with pytest.raises(ValueError, match=r"ONNX|graph|cut off"):
        read_header(data)


def test_graphs_within_graphs_end():
    def field(number, data):
        size, length = b"", len(data)
        while length > 127:
            size, length = size + bytes([length & 127 | 128]), length >> 7
        return bytes([number << 3 | 2]) + size + bytes([length]) + data

    data = b""
    for _ in range(300):  # node, attribute, graph
        data = field(1, field(5, field(6, data)))
    with pytest.raises(ValueError, match="deep"):
        read_header(field(7, data))
