//! Pix, on the central bank's API: charges, payments and returns. The caller's own `txid` and id of a return are the keys.
//!
//! <https://github.com/bacen/pix-api>, `openapi.yaml` 2.9.0

mod charges;
mod payments;

use serde_json::{Value, json};

use super::{Op, Provider};
use crate::call::{Call, text};
use crate::deed::{Deed, Reply, View};
use crate::hooks::{Habit, Notice, Post, Target};
use crate::moment::Moment;

/// In which header the certificate of the bank is told, where a target has its SHA-256 as its secret.
const CERTIFICATE: &str = "x-client-certificate";

/// The stand-in.
#[derive(Debug)]
pub(crate) struct Pix;

impl Provider for Pix {
    fn name(&self) -> &'static str {
        "pix"
    }

    fn about(&self) -> &'static str {
        "Pix, on the central bank's API: charges, payments, returns"
    }

    fn op(&self, call: &Call) -> Option<Op> {
        match call.way() {
            ("POST", way) if way == ["oauth", "token"] => Op::read("token"),
            ("PUT", way) if matches!(way[..], ["v2", "cob", _]) => Op::write("cob.create"),
            ("PATCH", way) if matches!(way[..], ["v2", "cob", _]) => Op::write("cob.revise"),
            ("GET", way) if matches!(way[..], ["v2", "cob", _]) => Op::read("cob.fetch"),
            ("POST", way) if way == ["v2", "cob"] => Op::write("cob.create"),
            ("GET", way) if way == ["v2", "cob"] => Op::read("cob.list"),
            ("GET", way) if way == ["v2", "pix"] => Op::read("pix.list"),
            ("GET", way) if matches!(way[..], ["v2", "pix", _]) => Op::read("pix.fetch"),
            ("PUT", way) if matches!(way[..], ["v2", "pix", _, "devolucao", _]) => Op::write("devolucao.create"),
            ("GET", way) if matches!(way[..], ["v2", "pix", _, "devolucao", _]) => Op::read("devolucao.fetch"),
            _ => None,
        }
    }

    fn act(&self, op: &str, call: &Call, view: &View<'_>) -> Deed {
        if op == "unknown" {
            return Deed::answer(self.refuse(404, None));
        }
        if op == "token" {
            let token = json!({ "access_token": view.ids.hex("token", 40), "token_type": "Bearer", "expires_in": 3600, "scope": "cob.write cob.read pix.write pix.read" });
            return Deed::answer(Reply::new(200, token));
        }
        if call.bearer().is_none() {
            return Deed::answer(problem(403, "AcessoNegado", "Acesso Negado", "A requisição não traz um token de acesso."));
        }
        match op {
            "cob.create" => charges::create(call, view),
            "cob.revise" => charges::revise(call, view),
            "cob.fetch" => Deed::answer(charges::fetch(call, view)),
            "cob.list" => Deed::answer(list(call, "cob", "cobs", "CobConsultaInvalida", view)),
            "pix.list" => Deed::answer(list(call, "pix", "pix", "PixConsultaInvalida", view)),
            "pix.fetch" => Deed::answer(payments::fetch(call, view)),
            "devolucao.create" => payments::give_back(call, view),
            _ => Deed::answer(payments::fetch_return(call, view)),
        }
    }

    fn refuse(&self, status: u16, _wait_s: Option<i64>) -> Reply {
        match status {
            404 => problem(404, "NaoEncontrado", "Não Encontrado", "Entidade não encontrada."),
            429 => problem(429, "LimiteExcedido", "Limite excedido", "Foram feitas requisições demais."),
            503 => problem(503, "ServicoIndisponivel", "Serviço Indisponível", "O serviço não está disponível no momento."),
            status => problem(status, "ErroInternoDoServidor", "Erro interno", "Ocorreu um erro inesperado."),
        }
    }

    /// `paid` with `{txid, valor}` or `{txids: […]}` for several in one message; `returned` with `{e2eid, id, status}`.
    fn happen(&self, kind: &str, with: &Value, view: &View<'_>) -> Result<Deed, String> {
        match kind {
            "paid" => payments::pay(with, view),
            "returned" => payments::settle(with, view),
            other => Err(format!("`pix` does not know `{other}`, but `paid` and `returned`")),
        }
    }

    fn habit(&self) -> Habit {
        // Each bank's own choice; these are five over two days.
        Habit::usual(&[60, 900, 7_200, 28_800, 86_400])
    }

    fn dress(&self, notice: &Notice, target: &Target, _now: Moment) -> Post {
        // Nothing is signed: a bank proves itself by its certificate, of which a proxy in front tells the SHA-256. There is
        // no TLS here, so the stand-in tells it itself.
        let (path, query) =
            target.url.split_once('?').map_or((target.url.as_str(), String::new()), |(path, query)| (path, format!("?{query}")));
        let url = format!("{}/pix{query}", path.trim_end_matches('/'));
        let post = Post::json(&url, notice.body.to_string().into_bytes());
        if target.secret.is_empty() { post } else { post.with(CERTIFICATE, target.secret.clone()) }
    }
}

/// What was made between `inicio` and `fim`, the newest first.
fn list(call: &Call, kind: &str, name: &str, wrong: &str, view: &View<'_>) -> Reply {
    let bound = |name: &str| call.asked(name).and_then(Moment::parse);
    let (Some(begin), Some(end)) = (bound("inicio"), bound("fim")) else {
        return problem(400, wrong, "Consulta inválida.", "Os parâmetros `inicio` e `fim` são obrigatórios.");
    };
    let time = |value: &Value| value["horario"].as_str().or(value["calendario"]["criacao"].as_str()).and_then(Moment::parse);
    let fits = |value: &&Value| {
        let in_time = time(value).is_some_and(|at| at >= begin && at <= end);
        in_time
            && call.asked("txid").is_none_or(|txid| value["txid"] == txid)
            && call.asked("status").is_none_or(|status| value["status"] == status)
    };
    let found: Vec<Value> = view.shelf.all(kind).iter().rev().filter(fits).map(|value| whole(kind, value, view)).collect();
    let (page, size) = (call.asked_number("paginacao.paginaAtual", 0), call.asked_number("paginacao.itensPorPagina", 100).clamp(1, 1_000));
    let rows: Vec<&Value> = found.iter().skip(page.saturating_mul(size)).take(size).collect();
    let pages = found.len().div_ceil(size).max(1);
    let paging =
        json!({ "paginaAtual": page, "itensPorPagina": size, "quantidadeDePaginas": pages, "quantidadeTotalDeItens": found.len() });
    Reply::new(
        200,
        json!({ "parametros": { "inicio": call.asked("inicio"), "fim": call.asked("fim"), "paginacao": paging }, (name): rows }),
    )
}

/// A charge with its payments, a payment with its returns.
fn whole(kind: &str, value: &Value, view: &View<'_>) -> Value {
    let mut value = value.clone();
    let below = |kind: &str, id: &Value| -> Vec<Value> {
        text(id).map_or_else(Vec::new, |id| view.shelf.find(kind, &id).into_iter().map(|value| whole(kind, value, view)).collect())
    };
    let (name, rows) = match kind {
        "cob" => ("pix", below("pix", &value["txid"])),
        "pix" => ("devolucoes", below("devolucao", &value["endToEndId"])),
        _ => return value,
    };
    if !rows.is_empty() {
        value[name] = rows.into();
    }
    value
}

fn problem(status: u16, kind: &str, title: &str, detail: &str) -> Reply {
    let kind = format!("https://pix.bcb.gov.br/api/v2/error/{kind}");
    Reply::new(status, json!({ "type": kind, "title": title, "status": status, "detail": detail }))
        .with("content-type", "application/problem+json")
}

fn violated(mut reply: Reply, property: &str, reason: &str) -> Reply {
    reply.body["violacoes"] = json!([{ "razao": reason, "propriedade": property }]);
    reply
}

/// `12.34` with one to ten digits before the point and two behind it, in hundredths.
fn amount(value: &Value) -> Option<i64> {
    let (whole, fraction) = value.as_str()?.split_once('.')?;
    let digits = |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole, 10) && fraction.len() == 2 && digits(fraction, 2)).then(|| crate::call::cents(value))?
}
