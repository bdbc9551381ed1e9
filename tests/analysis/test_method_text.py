from analysis.method_text import method_texts


def test_settings_in_which_methods_of_a_name_differ_are_named():
    def delta(**inside):
        return {"name": "delta_dit", "version": 1, "blocks": 2, **inside}

    fora = {"name": "fora", "version": 1, "interval": 3, "kinds": ["spatial"]}
    assert method_texts(["pab", None, delta(), fora]) == [None, None, "delta_dit", "fora"]
    both = [delta(), delta(inside=fora), delta(inside="pab")]
    assert method_texts(both) == ["delta_dit", "delta_dit inside=fora", "delta_dit inside=pab"]
    two = [delta(inside=fora), delta(inside={**fora, "interval": 2, "kinds": ["mlp", "cross"]})]
    assert method_texts(two) == [
        "delta_dit inside.interval=3 inside.kinds=[spatial]",
        "delta_dit inside.interval=2 inside.kinds=[mlp,cross]",
    ]
