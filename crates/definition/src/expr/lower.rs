//! From the parser's tree to ours, node by node; a node that is not named here is refused.

use std::ops::Range;

use sqlparser::ast::{self, Expr, Ident, Spanned, Value};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError, ParserOptions};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::DEEPEST;
use super::fault::Fault;
use super::lex::{self, Text};
use super::tree::{Case, CastForm, Kind, Node, Part};
use super::words;

/// The parser may go a little deeper than we allow, so that ours is the message people see.
const PARSER_DEPTH: usize = 2 * DEEPEST + 8;

/// How deep the parser may go on whatever stack it is given; it takes up to 100 KiB a level in a debug build.
const SHALLOW: usize = 12;
/// Enough for the parser at its deepest; only what is touched is ever used.
const DEEP_STACK_BYTES: usize = 64 << 20;

/// Reads a text as one expression; one that nests far is read again on a stack of its own.
pub(crate) fn read(text: &str) -> Result<Node, Fault> {
    let text = Text::new(text);
    let tokens = lex::tokens(&text)?;
    if let Some(read) = read_tokens(&text, tokens.clone(), SHALLOW) {
        return read;
    }
    let deep = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("expression".to_owned()).stack_size(DEEP_STACK_BYTES);
        let reading = builder.spawn_scoped(scope, || read_tokens(&text, tokens, PARSER_DEPTH));
        reading.ok()?.join().ok()?
    });
    deep.unwrap_or_else(|| Err(lex::too_deep(&text.whole())))
}

/// Reads tokens with a bound on the parser's depth; `None` when that was not enough.
fn read_tokens(text: &Text<'_>, tokens: Vec<TokenWithSpan>, depth: usize) -> Option<Result<Node, Fault>> {
    let dialect = PostgreSqlDialect {};
    let options = ParserOptions { trailing_commas: false, unescape: true, require_semicolon_stmt_delimiter: true };
    let mut parser = Parser::new(&dialect).with_options(options).with_recursion_limit(depth).with_tokens_with_locations(tokens);
    let expr = match parser.parse_expr() {
        Ok(expr) => expr,
        Err(ParserError::RecursionLimitExceeded) => return None,
        Err(ParserError::TokenizerError(message) | ParserError::ParserError(message)) => {
            return Some(Err(unreadable(text, &message)));
        }
    };
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        let at = text.range(rest.span).unwrap_or(text.whole());
        let message = format!("expected the end of the expression, found `{}`", rest.token);
        return Some(Err(Fault::unreadable(&at, message).help("write one SQL expression")));
    }
    Some(Lower { text }.node(&expr, 0))
}

fn unreadable(text: &Text<'_>, message: &str) -> Fault {
    let (message, place) = message.rsplit_once(" at Line: ").map_or((message, None), |(m, p)| (m, Some(p)));
    let place = place.and_then(|place| place.split_once(", Column: "));
    let place = place.and_then(|(line, column)| Some((line.parse().ok()?, column.trim().parse().ok()?)));
    let start = place.map_or(text.text.len(), |(line, column)| text.byte(Location { line, column }));
    let message = lex::lowered(message).replacen("expected: ", "expected ", 1).replace("found: EOF", "found its end");
    let message = message.replace("found: ", "found ");
    Fault::unreadable(&(start..text.text.len()), message).help("write one SQL expression")
}

/// Copies one tree.
pub(crate) struct Lower<'a> {
    pub text: &'a Text<'a>,
}

type Lowered = Result<Node, Fault>;

impl Lower<'_> {
    /// Copies one node and everything below it.
    pub fn node(&self, expr: &Expr, depth: usize) -> Lowered {
        let at = self.text.range(expr.span()).unwrap_or(self.text.whole());
        if depth >= DEEPEST {
            return Err(lex::too_deep(&at));
        }
        let kind = match expr {
            Expr::Value(value) => self.value(&value.value, &at)?,
            Expr::Function(call) => self.call(call, depth, &at)?,
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => self.name(expr)?,
            Expr::Exists { .. } | Expr::Subquery(_) | Expr::InSubquery { .. } => self.subquery(expr, depth)?,
            Expr::Nested(_) | Expr::UnaryOp { .. } | Expr::BinaryOp { .. } => self.operation(expr, depth, &at)?,
            Expr::Case { .. } => self.case(expr, depth)?,
            Expr::Cast { .. } | Expr::TypedString(_) | Expr::Interval(_) => self.typed(expr, depth, &at)?,
            Expr::Extract { .. } | Expr::Position { .. } | Expr::Substring { .. } | Expr::Trim { .. } => {
                self.keyword_call(expr, depth, &at)?
            }
            Expr::Ceil { .. } | Expr::Floor { .. } => self.rounding(expr, depth, &at)?,
            _ => self.test(expr, depth, &at)?,
        };
        Ok(Node { kind, at })
    }

    pub fn boxed(&self, expr: &Expr, depth: usize) -> Result<Box<Node>, Fault> {
        Ok(Box::new(self.node(expr, depth + 1)?))
    }

    pub fn maybe(&self, expr: Option<&Expr>, depth: usize) -> Result<Option<Node>, Fault> {
        expr.map(|expr| self.node(expr, depth + 1)).transpose()
    }

    fn list(&self, list: &[Expr], depth: usize) -> Result<Vec<Node>, Fault> {
        list.iter().map(|expr| self.node(expr, depth + 1)).collect()
    }

    /// A name as Postgres reads it: small letters unless quoted.
    pub fn part(&self, ident: &Ident) -> Part {
        let name = if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() };
        Part { name, at: self.text.range(ident.span).unwrap_or(self.text.whole()) }
    }

    fn name(&self, expr: &Expr) -> Result<Kind, Fault> {
        let parts = match expr {
            Expr::Identifier(ident) => vec![self.part(ident)],
            Expr::CompoundIdentifier(idents) => idents.iter().map(|ident| self.part(ident)).collect(),
            _ => vec![],
        };
        if let Expr::Identifier(ident) = expr {
            half_written(ident, &parts[0])?;
        }
        if let [only] = &parts[..]
            && ["current_user", "session_user", "user", "current_role", "current_catalog", "current_schema"].contains(&&*only.name)
        {
            let message = format!("function `{}` is not allowed", only.name);
            return Err(Fault::refused(&only.at, message).help("write `actor()`"));
        }
        Ok(Kind::Name(parts))
    }

    fn value(&self, value: &Value, at: &Range<usize>) -> Result<Kind, Fault> {
        Ok(match value {
            Value::Null => Kind::Null,
            Value::Boolean(value) => Kind::Bool(*value),
            Value::Number(digits, false) => Kind::Number(digits.clone()),
            Value::SingleQuotedString(text) => Kind::Text(text.clone()),
            _ => return Err(Fault::refused(at, "this form of literal is not allowed").help("write it plainly")),
        })
    }

    fn operation(&self, expr: &Expr, depth: usize, at: &Range<usize>) -> Result<Kind, Fault> {
        Ok(match expr {
            Expr::Nested(inner) => Kind::Group(self.boxed(inner, depth)?),
            Expr::UnaryOp { op: ast::UnaryOperator::Not, expr } => Kind::Not(self.boxed(expr, depth)?),
            Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => Kind::Sign('-', self.boxed(expr, depth)?),
            Expr::UnaryOp { op: ast::UnaryOperator::Plus, expr } => Kind::Sign('+', self.boxed(expr, depth)?),
            Expr::BinaryOp { left, op, right } => match words::operator(op) {
                Some(word) => Kind::Binary(word, self.boxed(left, depth)?, self.boxed(right, depth)?),
                None => return Err(refused(at, &format!("operator `{op}`"))),
            },
            _ => return Err(refused(at, "this operator")),
        })
    }

    fn test(&self, expr: &Expr, depth: usize, at: &Range<usize>) -> Result<Kind, Fault> {
        let like = |expr: &Expr, word, pattern: &Expr| Ok(Kind::Like(self.boxed(expr, depth)?, word, self.boxed(pattern, depth)?));
        let is = |expr: &Expr, words| Ok(Kind::Is(self.boxed(expr, depth)?, words));
        match expr {
            Expr::IsNull(x) => is(x, "null"),
            Expr::IsNotNull(x) => is(x, "not null"),
            Expr::IsTrue(x) => is(x, "true"),
            Expr::IsNotTrue(x) => is(x, "not true"),
            Expr::IsFalse(x) => is(x, "false"),
            Expr::IsNotFalse(x) => is(x, "not false"),
            Expr::IsUnknown(x) => is(x, "unknown"),
            Expr::IsNotUnknown(x) => is(x, "not unknown"),
            Expr::IsDistinctFrom(x, y) => Ok(Kind::Distinct(self.boxed(x, depth)?, false, self.boxed(y, depth)?)),
            Expr::IsNotDistinctFrom(x, y) => Ok(Kind::Distinct(self.boxed(x, depth)?, true, self.boxed(y, depth)?)),
            Expr::InList { list, .. } if list.is_empty() => {
                Err(Fault::unreadable(at, "`in ()` lists no value").help("list at least one value"))
            }
            Expr::InList { expr, list, negated } => Ok(Kind::In(self.boxed(expr, depth)?, *negated, self.list(list, depth)?)),
            Expr::Between { expr, negated, low, high } => {
                let (low, high) = (self.boxed(low, depth)?, self.boxed(high, depth)?);
                Ok(Kind::Between(self.boxed(expr, depth)?, *negated, low, high))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                like(expr, if *negated { "not like" } else { "like" }, pattern)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                like(expr, if *negated { "not ilike" } else { "ilike" }, pattern)
            }
            Expr::AtTimeZone { timestamp, time_zone } => Ok(Kind::AtTimeZone(self.boxed(timestamp, depth)?, self.boxed(time_zone, depth)?)),
            _ => Err(refused(at, "this form of SQL")),
        }
    }

    fn case(&self, expr: &Expr, depth: usize) -> Result<Kind, Fault> {
        let Expr::Case { operand, conditions, else_result, .. } = expr else {
            return Err(refused(&self.text.whole(), "this form of SQL"));
        };
        let arm = |arm: &ast::CaseWhen| Ok((self.node(&arm.condition, depth + 1)?, self.node(&arm.result, depth + 1)?));
        Ok(Kind::Case(Box::new(Case {
            operand: self.maybe(operand.as_deref(), depth)?,
            arms: conditions.iter().map(arm).collect::<Result<_, Fault>>()?,
            otherwise: self.maybe(else_result.as_deref(), depth)?,
        })))
    }

    fn typed(&self, expr: &Expr, depth: usize, at: &Range<usize>) -> Result<Kind, Fault> {
        match expr {
            Expr::Cast { kind, expr, data_type, format: None } => {
                let form = match kind {
                    ast::CastKind::Cast => CastForm::Call,
                    ast::CastKind::DoubleColon => CastForm::Colons,
                    _ => return Err(refused(at, "this form of cast")),
                };
                let target = words::data_type(data_type).ok_or_else(|| {
                    refused(at, &format!("a cast to `{}`", data_type.to_string().to_lowercase()))
                        .help("cast to text, int, bigint, numeric, boolean, date, timestamptz, interval, uuid or jsonb")
                })?;
                let inner = self.boxed(expr, depth)?;
                plain_moment(&target, inner.bare())?;
                Ok(Kind::Cast(inner, target, form))
            }
            Expr::TypedString(typed) if !typed.uses_odbc_syntax => {
                let (word, text) = match (words::data_type(&typed.data_type).as_deref(), &typed.value.value) {
                    (Some("date"), Value::SingleQuotedString(text)) => ("date", text),
                    (Some("timestamptz"), Value::SingleQuotedString(text)) => ("timestamptz", text),
                    _ => return Err(refused(at, "this form of literal").help("write `'…'::type`")),
                };
                let literal = Node { kind: Kind::Text(text.clone()), at: at.clone() };
                plain_moment(word, &literal)?;
                Ok(Kind::Typed(word, text.clone()))
            }
            Expr::Interval(ast::Interval {
                value,
                leading_field: None,
                leading_precision: None,
                last_field: None,
                fractional_seconds_precision: None,
            }) => match &**value {
                Expr::Value(ast::ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => Ok(Kind::Typed("interval", text.clone())),
                _ => Err(refused(at, "this form of interval").help("write `interval '3 days'`")),
            },
            Expr::Interval(_) => Err(refused(at, "this form of interval").help("write `interval '3 days'`")),
            _ => Err(refused(at, "this form of cast")),
        }
    }

    /// A dotted name made of nothing but identifiers.
    pub fn path(&self, name: &ast::ObjectName) -> Option<Vec<Part>> {
        let part = |part: &ast::ObjectNamePart| match part {
            ast::ObjectNamePart::Identifier(ident) => Some(self.part(ident)),
            ast::ObjectNamePart::Function(_) => None,
        };
        name.0.iter().map(part).collect::<Option<Vec<_>>>().filter(|parts| !parts.is_empty())
    }
}

/// The fault for something that is not on the list.
pub(crate) fn refused(at: &Range<usize>, what: &str) -> Fault {
    Fault::refused(at, format!("{what} is not allowed in expressions")).help("use an allowed function or operator, or write one in `sql/`")
}

/// The parser takes a word of SQL for a name when what should follow is missing.
pub(crate) fn half_written(ident: &Ident, part: &Part) -> Result<(), Fault> {
    const WORDS: &str = "all and any array as case cast distinct else end exists from in is join like not on or order \
                         select some then union when where with";
    if ident.quote_style.is_some() || !WORDS.split(' ').any(|word| word == part.name) {
        return Ok(());
    }
    Err(Fault::unreadable(&part.at, format!("`{}` is not written to its end here", part.name))
        .help("complete it, or put a name that is a word of SQL in double quotes"))
}

/// A literal of a date or time must be one: `'now'::date` would ask the clock behind the engine's back.
fn plain_moment(target: &str, literal: &Node) -> Result<(), Fault> {
    let Kind::Text(text) = &literal.kind else { return Ok(()) };
    let clock = |byte: u8| byte.is_ascii_digit() || b" :.+-TZtz".contains(&byte);
    if !["date", "timestamptz"].contains(&target) || text.bytes().all(clock) {
        return Ok(());
    }
    let message = format!("`{text}` is not a plain {target}");
    Err(Fault::refused(&literal.at, message).help("write digits such as `2026-11-20`, or `today()` or `now()`"))
}
