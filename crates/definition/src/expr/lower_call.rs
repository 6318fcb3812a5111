//! Calls from the parser's tree to ours, those with a syntax of their own among them.

use std::ops::Range;

use sqlparser::ast::{self, Expr};

use super::builtins;
use super::fault::Fault;
use super::lower::{Lower, half_written, refused};
use super::tree::{Call, Kind, Node, Part};
use super::words;

impl Lower<'_> {
    pub fn call(&self, call: &ast::Function, depth: usize, at: &Range<usize>) -> Result<Kind, Fault> {
        let ast::Function { name, uses_odbc_syntax, parameters, args, within_group, filter, null_treatment, over } = call;
        if let [ast::ObjectNamePart::Identifier(ident)] = &name.0[..] {
            half_written(ident, &self.part(ident))?;
        }
        let name = self.path(name).ok_or_else(|| refused(at, "this form of call"))?;
        let at = &(name[0].at.start..name[name.len() - 1].at.end);
        if over.is_some() {
            return Err(refused(at, "a window function"));
        }
        if *uses_odbc_syntax || !matches!(parameters, ast::FunctionArguments::None) || null_treatment.is_some() {
            return Err(refused(at, "this form of call"));
        }
        if !within_group.is_empty() {
            return Err(refused(at, "`within group`"));
        }
        let mut lowered = self.arguments(name, args, depth, at)?;
        lowered.filter = self.maybe(filter.as_deref(), depth)?;
        allow_call(&lowered, at)?;
        Ok(Kind::Call(Box::new(lowered)))
    }

    fn arguments(&self, name: Vec<Part>, args: &ast::FunctionArguments, depth: usize, at: &Range<usize>) -> Result<Call, Fault> {
        let mut call = Call { name, args: vec![], named: vec![], star: false, distinct: false, filter: None };
        let list = match args {
            ast::FunctionArguments::List(list) if list.clauses.is_empty() => list,
            ast::FunctionArguments::None => {
                return Err(refused(at, &format!("function `{}` without parentheses", call.name[0].name))
                    .help(builtins::instead(&call.name[0].name)));
            }
            _ => return Err(refused(at, "this form of argument")),
        };
        call.distinct = match list.duplicate_treatment {
            None => false,
            Some(ast::DuplicateTreatment::Distinct) => true,
            Some(ast::DuplicateTreatment::All) => return Err(refused(at, "`all` in a call").help("leave it out")),
        };
        for arg in &list.args {
            use ast::{FunctionArg as Arg, FunctionArgExpr as Value, FunctionArgOperator::RightArrow};
            match arg {
                Arg::Unnamed(Value::Expr(expr)) if call.named.is_empty() => call.args.push(self.node(expr, depth + 1)?),
                Arg::Unnamed(Value::Wildcard) if list.args.len() == 1 => call.star = true,
                Arg::Named { name, arg: Value::Expr(expr), operator: RightArrow } => {
                    call.named.push((self.part(name), self.node(expr, depth + 1)?));
                }
                Arg::ExprNamed { name: Expr::Identifier(name), arg: Value::Expr(expr), operator: RightArrow } => {
                    call.named.push((self.part(name), self.node(expr, depth + 1)?));
                }
                _ => return Err(refused(at, "this form of argument")),
            }
        }
        Ok(call)
    }

    pub fn keyword_call(&self, expr: &Expr, depth: usize, at: &Range<usize>) -> Result<Kind, Fault> {
        match expr {
            Expr::Extract { field, syntax: ast::ExtractSyntax::From, expr } => {
                let part = words::date_part(field)
                    .ok_or_else(|| refused(at, &format!("`extract({} from …)`", field.to_string().to_lowercase())))?;
                Ok(Kind::Extract(part, self.boxed(expr, depth)?))
            }
            Expr::Position { expr, r#in } => Ok(Kind::Position(self.boxed(expr, depth)?, self.boxed(r#in, depth)?)),
            Expr::Substring { expr, substring_from, substring_for, special, shorthand } => {
                let mut args = vec![self.node(expr, depth + 1)?];
                for arg in [substring_from, substring_for].into_iter().flatten() {
                    args.push(self.node(arg, depth + 1)?);
                }
                let name = if *shorthand { "substr" } else { "substring" };
                if *special || *shorthand {
                    builtins::allow(name, args.len(), at)?;
                    return Ok(Kind::Call(Box::new(plain_call(name, args, at))));
                }
                let from = substring_from.as_deref().map(|x| self.boxed(x, depth)).transpose()?;
                let long = substring_for.as_deref().map(|x| self.boxed(x, depth)).transpose()?;
                if from.is_none() && long.is_none() {
                    return Err(refused(at, "`substring` with one argument").help("write `substring(x from 1 for 3)`"));
                }
                Ok(Kind::Substring(self.boxed(expr, depth)?, from, long))
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
                let side = trim_where.map(|side| match side {
                    ast::TrimWhereField::Both => "both",
                    ast::TrimWhereField::Leading => "leading",
                    ast::TrimWhereField::Trailing => "trailing",
                });
                let what = match (trim_what.as_deref(), trim_characters.as_deref()) {
                    (what, None) => what,
                    (None, Some([only])) => Some(only),
                    _ => return Err(refused(at, "this form of `trim`").help("write `trim(both ' ' from x)`")),
                };
                let what = what.map(|x| self.boxed(x, depth)).transpose()?;
                Ok(Kind::Trim(side.or(what.as_ref().map(|_| "both")), what, self.boxed(expr, depth)?))
            }
            _ => Err(refused(at, "this form of call")),
        }
    }

    pub fn rounding(&self, expr: &Expr, depth: usize, at: &Range<usize>) -> Result<Kind, Fault> {
        use ast::{CeilFloorKind::DateTimeField as To, DateTimeField::NoDateTime};
        match expr {
            Expr::Ceil { expr, field: To(NoDateTime) } => {
                Ok(Kind::Call(Box::new(plain_call("ceil", vec![self.node(expr, depth + 1)?], at))))
            }
            Expr::Floor { expr, field: To(NoDateTime) } => {
                Ok(Kind::Call(Box::new(plain_call("floor", vec![self.node(expr, depth + 1)?], at))))
            }
            _ => Err(refused(at, "this form of rounding").help("write `round(x, 2)`")),
        }
    }
}

fn plain_call(name: &str, args: Vec<Node>, at: &Range<usize>) -> Call {
    let name = vec![Part { name: name.to_owned(), at: at.clone() }];
    Call { name, args, named: vec![], star: false, distinct: false, filter: None }
}

/// What can be said of a call before the model is known.
fn allow_call(call: &Call, at: &Range<usize>) -> Result<(), Fault> {
    let aggregate = call.name.len() == 1 && builtins::AGGREGATES.contains(&&*call.name[0].name);
    if !aggregate && (call.star || call.distinct || call.filter.is_some()) {
        let what = if call.star {
            "`*`"
        } else if call.distinct {
            "`distinct`"
        } else {
            "`filter`"
        };
        return Err(refused(at, &format!("{what} outside an aggregate")));
    }
    let takes: &[&str] = match &call.name[..] {
        [one] => {
            builtins::allow(&one.name, call.args.len() + call.named.len(), at)?;
            if one.name == "make_interval" { builtins::SPANS } else { &[] }
        }
        [schema, _] if !foreign_schema(&schema.name) => &["on"],
        _ => {
            let name = call.name.iter().map(|part| &*part.name).collect::<Vec<_>>().join(".");
            return Err(refused(at, &format!("function `{name}`")).help("leave out the schema"));
        }
    };
    for (at, (name, _)) in call.named.iter().enumerate() {
        let twice = call.named[..at].iter().any(|(earlier, _)| earlier == name);
        if !takes.contains(&&*name.name) || twice {
            return Err(refused(&name.at, &format!("argument `{}`", name.name)));
        }
    }
    Ok(())
}

fn foreign_schema(name: &str) -> bool {
    name.starts_with("pg_") || ["information_schema", "statehouse", "public"].contains(&name)
}
