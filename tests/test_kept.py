from pasticcio.kept import Kept


def test_the_oldest_give_way():
    made = []
    kept = Kept(most=10, size=len)

    def get(key, value):
        return kept.get(key, lambda: made.append(key) or value)

    get("a", "12345")
    get("b", "12345")
    get("a", "")
    get("c", "12345")
    assert made == ["a", "b", "c"]
    get("a", "12345")
    get("b", "12345")
    assert made == ["a", "b", "c", "b"]
    assert get("large", "x" * 11) == "x" * 11
    get("large", "x" * 11)
    assert made.count("large") == 2
