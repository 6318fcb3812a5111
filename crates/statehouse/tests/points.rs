//! What is shipped cannot be held from outside: the places where the crash tests do so are not in it.

#[test]
fn the_default_build_has_no_points() {
    let binary = std::fs::read(env!("CARGO_BIN_EXE_statehouse")).expect("the binary");
    for text in ["STATEHOUSE_POINTS", "store.settle_effects:before", "connect.send:after"] {
        assert!(!binary.windows(text.len()).any(|part| part == text.as_bytes()), "`{text}` is in the binary");
    }
    // The search finds what is there.
    assert!(binary.windows(18).any(|part| part == b"STATEHOUSE_SECRET_"), "a text that must be there is not found");
}
