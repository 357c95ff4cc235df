from pasticcio.experiments.material import Material
from pasticcio.experiments.settings import bottlenecks, counts, kinds


def test_settings_differ_in_what_they_are_named_after(folders):
    tables = Material.of(*folders)
    sizes = [len(setting.styles) for setting in counts(tables, 0, (1, 10))]
    assert sizes == [1, 10, 12]
    one, other = (counts(tables, seed, (1, 10))[1].styles for seed in (0, 1))
    assert set(one) != set(other)
    both = kinds(tables, 0)[2].styles
    assert sum("textures" in str(path) for path in both) == sum("paintings" in str(path) for path in both)
    assert bottlenecks(tables, 0)[0].changes == ("network.embedding=25",)
