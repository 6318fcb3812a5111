//! Tokens of an expression, judged before anything is parsed: no comment, no second statement, no exotic literal.

use std::ops::Range;

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, Whitespace, Word};

use super::fault::Fault;
use super::{DEEPEST, LONGEST_TEXT_BYTES};

/// Turns the parser's lines and columns into bytes of the text.
pub(crate) struct Text<'a> {
    pub text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Text<'a> {
    pub fn new(text: &'a str) -> Text<'a> {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Text { text, lines }
    }

    /// Byte of a 1-based line and column counted in characters; past the end is the end.
    pub fn byte(&self, at: Location) -> usize {
        let Some(start) = (at.line as usize).checked_sub(1).and_then(|line| self.lines.get(line)) else {
            return if at.line == 0 { 0 } else { self.text.len() };
        };
        let rest = &self.text[*start..];
        let chars = (at.column as usize).saturating_sub(1);
        start + rest.char_indices().nth(chars).map_or(rest.len(), |(byte, _)| byte)
    }

    /// Byte range of a span; `None` for a node that carries none.
    pub fn range(&self, span: Span) -> Option<Range<usize>> {
        (span.start.line > 0).then(|| self.byte(span.start)..self.byte(span.end).max(self.byte(span.start)))
    }

    /// The whole text.
    pub fn whole(&self) -> Range<usize> {
        0..self.text.len()
    }
}

/// The parser tries `substring(` twice at each level, so nesting it would double the time again and again.
const MOST_SUBSTRINGS: usize = 6;

/// The tokens, each of an allowed sort.
pub(crate) fn tokens(text: &Text<'_>) -> Result<Vec<TokenWithSpan>, Fault> {
    if text.text.len() > LONGEST_TEXT_BYTES {
        let message = format!("expression is longer than {LONGEST_TEXT_BYTES} bytes");
        return Err(Fault::refused(&text.whole(), message).help("split it into computed fields"));
    }
    if let Some(at) = text.text.find('\0') {
        return Err(Fault::refused(&(at..at + 1), "expression holds a zero byte").help("remove it"));
    }
    let read = Tokenizer::new(&PostgreSqlDialect {}, text.text).tokenize_with_location();
    let mut tokens = read.map_err(|error| {
        let start = text.byte(error.location).min(text.text.len());
        Fault::unreadable(&(start..text.text.len()), lowered(&error.message)).help("close what is open")
    })?;
    let mut nesting = Nesting::default();
    for at in 0..tokens.len() {
        judge(text, &tokens[at])?;
        if nesting.substrings > MOST_SUBSTRINGS {
            let message = format!("more than {MOST_SUBSTRINGS} `substring` in one expression");
            return Err(Fault::refused(&text.whole(), message).help("write `substr`"));
        }
        if nesting.after(&tokens[at].token) > DEEPEST {
            return Err(too_deep(&text.range(tokens[at].span).unwrap_or(text.whole())));
        }
        name_argument(&mut tokens, at);
        plain_function(&mut tokens[at].token);
    }
    Ok(tokens)
}

/// The fault for an expression that nests too far.
pub(crate) fn too_deep(at: &Range<usize>) -> Fault {
    Fault::refused(at, format!("expression is too deep: more than {DEEPEST} levels"))
        .help("split it into computed fields, or use `in (…)` for many values")
}

/// Parentheses and `case` that are open, and prefix operators in a row.
#[derive(Default)]
struct Nesting {
    open: usize,
    prefixes: usize,
    substrings: usize,
}

impl Nesting {
    /// Takes one more token; answers how deep we are.
    fn after(&mut self, token: &Token) -> usize {
        let keyword = if let Token::Word(word) = token { word.keyword } else { Keyword::NoKeyword };
        match (token, keyword) {
            (Token::LParen, _) | (_, Keyword::CASE) => self.open += 1,
            (Token::RParen, _) | (_, Keyword::END) => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        match (token, keyword) {
            (Token::Whitespace(_) | Token::LParen, _) => {}
            (Token::Plus | Token::Minus, _) | (_, Keyword::NOT) => self.prefixes += 1,
            _ => self.prefixes = 0,
        }
        self.substrings += usize::from(keyword == Keyword::SUBSTRING);
        self.open + self.prefixes
    }
}

fn judge(text: &Text<'_>, token: &TokenWithSpan) -> Result<(), Fault> {
    let at = text.range(token.span).unwrap_or(text.whole());
    let refused = |what: &str, help: &str| Err(Fault::refused(&at, what.to_owned()).help(help));
    match &token.token {
        Token::Word(Word { quote_style: None | Some('"'), .. }) | Token::SingleQuotedString(_) => Ok(()),
        Token::Number(digits, false) if number(digits) => Ok(()),
        Token::Whitespace(Whitespace::Space | Whitespace::Newline | Whitespace::Tab) | Token::EOF => Ok(()),
        token if punctuation(token) => Ok(()),
        Token::Whitespace(_) => refused("comments are not allowed in expressions", "put the comment beside it in YAML"),
        Token::SemiColon => refused("`;` is not allowed: an expression is one value", "remove the `;`"),
        Token::DollarQuotedString(_) | Token::EscapedStringLiteral(_) | Token::UnicodeStringLiteral(_) => {
            refused("this form of text is not allowed", "write the text in plain single quotes")
        }
        Token::Placeholder(_) => refused("parameters are not allowed", "name a field instead"),
        Token::Number(..) => refused("this form of number is not allowed", "write it in decimal digits"),
        other => refused(&format!("`{other}` is not allowed in expressions"), "use an allowed operator"),
    }
}

fn punctuation(token: &Token) -> bool {
    use Token::*;
    matches!(
        token,
        Comma
            | Eq
            | Neq
            | Lt
            | Gt
            | LtEq
            | GtEq
            | Plus
            | Minus
            | Mul
            | Div
            | Mod
            | Caret
            | StringConcat
            | LParen
            | RParen
            | Period
            | DoubleColon
            | RArrow
            | Tilde
            | TildeAsterisk
            | ExclamationMarkTilde
            | ExclamationMarkTildeAsterisk
            | Arrow
            | LongArrow
    )
}

/// Digits with an optional fraction and exponent, as every Postgres from 15 reads them.
fn number(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        !e.is_empty() && e.len() <= 3 && digits(e)
    });
    whole.len() + fraction.len() > 0 && digits(whole) && digits(fraction) && exponent
}

/// `on => …` names an argument; `on` is a reserved word, so it is quoted here for the parser's sake.
fn name_argument(tokens: &mut [TokenWithSpan], arrow: usize) {
    if tokens[arrow].token != Token::RArrow {
        return;
    }
    let name = tokens[..arrow].iter_mut().rev().find(|t| !matches!(t.token, Token::Whitespace(_)));
    if let Some(TokenWithSpan { token: Token::Word(word), .. }) = name
        && word.keyword == Keyword::ON
    {
        *word = Word { value: "on".to_owned(), quote_style: Some('"'), keyword: Keyword::NoKeyword };
    }
}

/// `substr` has no syntax of its own, but the parser would treat it like `substring`.
fn plain_function(token: &mut Token) {
    if let Token::Word(word) = token
        && word.keyword == Keyword::SUBSTR
    {
        word.keyword = Keyword::NoKeyword;
    }
}

/// A parser's message in our voice: first letter small, no full stop.
pub(crate) fn lowered(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let mut chars = message.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
