//! The nearest known name, for "write `x`".

/// The known name nearest to what was typed, when one is near enough to be worth saying.
pub(crate) fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = match typed.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    let scored = known.into_iter().map(|name| (strsim::osa_distance(typed, name), name));
    let near = scored.filter(|(far, name)| *far <= limit && *far < name.chars().count());
    near.min_by_key(|(far, _)| *far).map(|(_, name)| name)
}

/// The nearest name as an action, or nothing.
pub(crate) fn instead<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(typed, known).map(|name| format!("write `{name}`"))
}
