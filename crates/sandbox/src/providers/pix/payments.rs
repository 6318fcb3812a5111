//! Payments and their returns: `pix` and `devolucao`.

use serde_json::{Value, json};

use super::{amount, problem, whole};
use crate::call::{Call, text};
use crate::deed::{Deed, Reply, View};
use crate::hooks::Notice;
use crate::log::Sent;

/// The bank's own number, as it stands in ids.
const BANK: &str = "12345678";

pub(super) fn fetch(call: &Call, view: &View<'_>) -> Reply {
    let missing = || problem(404, "PixNaoEncontrado", "Pix não encontrado.", "Pix não encontrado para o e2eid informado.");
    view.shelf.get("pix", call.segment(2)).map_or_else(missing, |pix| Reply::new(200, whole("pix", pix, view)))
}

pub(super) fn fetch_return(call: &Call, view: &View<'_>) -> Reply {
    let missing =
        || problem(404, "PixDevolucaoNaoEncontrada", "Devolução não encontrada.", "Devolução não encontrada para o e2eid informado.");
    view.shelf.get("devolucao", &return_key(call.segment(2), call.segment(4))).map_or_else(missing, |back| Reply::new(200, back.clone()))
}

/// Gives money back. An id that was used is refused, whatever comes with it: one asks what became of it.
pub(super) fn give_back(call: &Call, view: &View<'_>) -> Deed {
    let (e2eid, id) = (call.segment(2), call.segment(4));
    let wrong = |detail: &str| Deed::answer(problem(400, "PixDevolucaoInvalida", "Devolução inválida.", detail)).about(Some(id.to_owned()));
    let Some(pix) = view.shelf.get("pix", e2eid) else { return Deed::answer(fetch(call, view)) };
    if !((1..=35).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return wrong("O id da devolução tem de 1 a 35 letras e dígitos.");
    }
    if view.shelf.get("devolucao", &return_key(e2eid, id)).is_some() {
        return wrong("O id já foi utilizado por outra requisição de devolução.");
    }
    let Some(cents) = amount(&call.body["valor"]).filter(|cents| *cents > 0) else {
        return wrong("O campo devolucao.valor não respeita o _schema_.");
    };
    let earlier = view.shelf.find("devolucao", e2eid).into_iter().filter(|back| back["status"] != "NAO_REALIZADO");
    let back: i64 = earlier.filter_map(|back| amount(&back["valor"])).sum();
    if back + cents > amount(&pix["valor"]).unwrap_or_default() {
        return wrong("As devoluções excederiam o valor do pix originário.");
    }
    let mut given = json!({
        "id": id, "rtrId": format!("D{BANK}{}{}", view.at.compact(), view.ids.alnum("return", 11)), "valor": call.body["valor"],
        "horario": { "solicitacao": view.at.millis() }, "status": "EM_PROCESSAMENTO",
    });
    if let Some(said) = call.text("descricao") {
        given["descricao"] = said.into();
    }
    let reply = Reply::new(201, given.clone());
    // By the time somebody looks again it is settled.
    (given["status"], given["horario"]["liquidacao"]) = ("DEVOLVIDO".into(), view.at.millis().into());
    let mut told = pix.clone();
    told["devolucoes"] = json!([given]);
    let sent = Sent {
        what: "return".to_owned(),
        text: call.text("descricao").unwrap_or_default(),
        amount: Some(cents),
        currency: Some("BRL".to_owned()),
        id: id.to_owned(),
        ..Sent::default()
    };
    Deed::done(reply, sent).about(Some(id.to_owned())).put("devolucao", &return_key(e2eid, id), &[e2eid], given).tell(notice(
        format!("{e2eid}:{id}"),
        "returned",
        vec![told],
        view,
    ))
}

/// Somebody pays: late, twice and less than asked too, as banks let it happen.
pub(super) fn pay(with: &Value, view: &View<'_>) -> Result<Deed, String> {
    let named: Vec<String> = match with["txids"].as_array() {
        Some(all) => all.iter().filter_map(text).collect(),
        None => text(&with["txid"]).into_iter().collect(),
    };
    if named.is_empty() {
        return Err("name the `txid`, or several as `txids`".to_owned());
    }
    let mut deed = Deed::answer(Reply::new(200, Value::Null));
    let mut paid = Vec::new();
    for (at, txid) in named.iter().enumerate() {
        let mut cob = view.shelf.get("cob", txid).ok_or_else(|| format!("there is no charge `{txid}`"))?.clone();
        let e2eid = format!("E{BANK}{}{}", view.at.compact(), view.ids.alnum(&format!("payment {at}"), 11));
        let valor = text(&with["valor"]).or_else(|| text(&cob["valor"]["original"])).unwrap_or_default();
        if amount(&valor.clone().into()).is_none() {
            return Err("`valor` is an amount such as \"37.00\"".to_owned());
        }
        let mut pix = json!({ "endToEndId": e2eid, "txid": txid, "valor": valor, "chave": cob["chave"], "horario": view.at.millis() });
        if let Some(said) = text(&with["infoPagador"]) {
            pix["infoPagador"] = said.into();
        }
        if cob["status"] == "ATIVA" {
            cob["status"] = "CONCLUIDA".into();
        }
        paid.push(pix.clone());
        deed = deed.put("pix", &e2eid, &[txid], pix).put("cob", txid, &[], cob);
    }
    let ids: Vec<String> = paid.iter().filter_map(|pix| text(&pix["endToEndId"])).collect();
    Ok(deed.tell(notice(ids.join("+"), "paid", paid, view)))
}

/// A return ends: `DEVOLVIDO`, or `NAO_REALIZADO`.
pub(super) fn settle(with: &Value, view: &View<'_>) -> Result<Deed, String> {
    let field = |name: &str| text(&with[name]).ok_or_else(|| format!("name `{name}`"));
    let (e2eid, id) = (field("e2eid")?, field("id")?);
    let key = return_key(&e2eid, &id);
    let pix = view.shelf.get("pix", &e2eid).ok_or_else(|| format!("there is no payment `{e2eid}`"))?;
    let mut back = view.shelf.get("devolucao", &key).ok_or_else(|| format!("there is no return `{id}`"))?.clone();
    back["status"] = field("status")?.into();
    if let Some(why) = text(&with["motivo"]) {
        back["motivo"] = why.into();
    }
    let mut told = pix.clone();
    told["devolucoes"] = json!([back]);
    let deed = Deed::answer(Reply::new(200, Value::Null)).put("devolucao", &key, &[], back);
    Ok(deed.tell(notice(format!("{e2eid}:{id}"), "returned", vec![told], view)))
}

fn return_key(e2eid: &str, id: &str) -> String {
    format!("{e2eid} {id}")
}

fn notice(id: String, kind: &str, pix: Vec<Value>, view: &View<'_>) -> Notice {
    let key = pix.first().and_then(|pix| text(&pix["chave"]));
    Notice::new(id, kind, view.at.seconds(), json!({ "pix": pix })).of(key)
}
