//! The pages' own words. What an app says itself stands in its definition.

/// Words in one language.
pub(crate) struct Words {
    pub sorry: &'static str,
    pub failed: &'static str,
    pub link: &'static str,
    pub form: &'static str,
    pub often: &'static str,
    pub page: &'static str,
    pub stale: &'static str,
    pub done: &'static str,
    pub state: &'static str,
    pub nothing: &'static str,
    pub send: &'static str,
    pub thanks: &'static str,
    pub leave_empty: &'static str,
    pub correct: &'static str,
    pub yes: &'static str,
    pub no: &'static str,
}

const EN: Words = Words {
    sorry: "Sorry",
    failed: "This did not work. Please try again later.",
    link: "This link is not valid any more. Please ask whoever sent it for a new one.",
    form: "There is no such form.",
    often: "Too many tries. Please wait a while.",
    page: "This page is too old. Please open the link again and press the button there.",
    stale: "This has changed in the meantime. Please look at it again.",
    done: "Done",
    state: "State",
    nothing: "There is nothing to do here at the moment.",
    send: "Send",
    thanks: "Thank you.",
    leave_empty: "Leave this empty",
    correct: "Please correct",
    yes: "yes",
    no: "no",
};

const PL: Words = Words {
    sorry: "Przepraszamy",
    failed: "Nie udało się. Spróbuj ponownie później.",
    link: "Ten link jest nieważny. Poproś nadawcę o nowy.",
    form: "Nie ma takiego formularza.",
    often: "Zbyt wiele prób. Odczekaj chwilę.",
    page: "Ta strona jest nieaktualna. Otwórz link jeszcze raz i naciśnij przycisk.",
    stale: "Coś się w międzyczasie zmieniło. Obejrzyj to jeszcze raz.",
    done: "Gotowe",
    state: "Stan",
    nothing: "Teraz nie ma tu nic do zrobienia.",
    send: "Wyślij",
    thanks: "Dziękujemy.",
    leave_empty: "Pozostaw puste",
    correct: "Popraw",
    yes: "tak",
    no: "nie",
};

const IS: Words = Words {
    sorry: "Því miður",
    failed: "Þetta tókst ekki. Reyndu aftur síðar.",
    link: "Þessi tengill gildir ekki lengur. Biddu sendandann um nýjan.",
    form: "Þetta eyðublað er ekki til.",
    often: "Of margar tilraunir. Bíddu aðeins.",
    page: "Þessi síða er of gömul. Opnaðu tengilinn aftur og ýttu á hnappinn þar.",
    stale: "Þetta hefur breyst í millitíðinni. Skoðaðu það aftur.",
    done: "Komið",
    state: "Staða",
    nothing: "Hér er ekkert að gera í bili.",
    send: "Senda",
    thanks: "Takk fyrir.",
    leave_empty: "Skildu eftir autt",
    correct: "Lagfærðu",
    yes: "já",
    no: "nei",
};

impl Words {
    /// In the language of a locale, else in English.
    pub fn of(locale: &str) -> &'static Words {
        match locale.split('-').next() {
            Some("pl") => &PL,
            Some("is") => &IS,
            _ => &EN,
        }
    }

    /// What a person is told about a refusal of this code, where there are words for it.
    pub fn refusal(&self, code: &str) -> Option<&'static str> {
        Some(match code {
            "SH6301" | "SH2002" => self.link,
            "SH6304" => self.form,
            "SH6305" | "SH6007" => self.often,
            "SH6307" => self.page,
            "SH4012" | "SH4002" => self.stale,
            _ => return None,
        })
    }
}
