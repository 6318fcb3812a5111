//! What outcomes are called where the author does not say: the claiming verb's label and a word of its locale.

use crate::model::OutcomeKind;

/// Locale → done, failed, unknown, resolved as done, resolved as failed, done late, evidence.
const WORDS: [(&str, [&str; 7]); 6] = [
    ("en", ["done", "refused", "outcome unknown", "it was done", "it was not done", "done after all", "evidence"]),
    ("pl", ["wykonano", "odmowa", "wynik nieznany", "zostało wykonane", "nie zostało wykonane", "jednak wykonano", "dowód"]),
    ("is", ["lokið", "hafnað", "útkoma óþekkt", "var framkvæmt", "var ekki framkvæmt", "framkvæmt að lokum", "sönnun"]),
    ("pt", ["concluído", "recusado", "resultado desconhecido", "foi feito", "não foi feito", "feito afinal", "evidência"]),
    ("ru", ["выполнено", "отказано", "исход неизвестен", "было выполнено", "не было выполнено", "всё же выполнено", "подтверждение"]),
    ("ar", ["تم", "رُفض", "النتيجة مجهولة", "لقد تم", "لم يتم", "تم لاحقًا", "دليل"]),
];

fn words(locale: &str) -> &'static [&'static str; 7] {
    let language = locale.split('-').next().unwrap_or(locale);
    WORDS.iter().find(|(known, _)| *known == language).map_or(&WORDS[0].1, |(_, words)| words)
}

/// `Charge` → `Charge: it was done`
pub(crate) fn label(kind: OutcomeKind, locale: &str, label: &str) -> String {
    let n = OutcomeKind::ALL.iter().position(|one| *one == kind).unwrap_or_default();
    format!("{label}: {}", words(locale)[n])
}

/// `Charge` → `Charge: evidence`
pub(crate) fn evidence(locale: &str, label: &str) -> String {
    format!("{label}: {}", words(locale)[6])
}
