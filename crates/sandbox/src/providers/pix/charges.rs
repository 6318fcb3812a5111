//! Charges: `cob`.

use serde_json::{Value, json};

use super::{amount, problem, violated, whole};
use crate::call::{Call, text};
use crate::deed::{Deed, Reply, View};
use crate::log::Sent;

pub(super) fn create(call: &Call, view: &View<'_>) -> Deed {
    let txid = if call.method == "PUT" { call.segment(2).to_owned() } else { view.ids.hex("txid", 32) };
    let body = &call.body;
    if !((26..=35).contains(&txid.len()) && txid.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return wrong("txid", "O txid tem de 26 a 35 letras e dígitos.").about(Some(txid));
    }
    let Some(cents) = amount(&body["valor"]["original"]).filter(|cents| *cents > 0) else {
        return wrong("cob.valor.original", "O campo cob.valor.original não respeita o _schema_.").about(Some(txid));
    };
    let Some(key) = text(&body["chave"]) else {
        return wrong("cob.chave", "O campo cob.chave não respeita o _schema_.").about(Some(txid));
    };
    let before = view.shelf.get("cob", &txid);
    let revision = match before {
        None => 0,
        Some(cob) if cob["status"] != "ATIVA" => {
            return wrong("cob.status", "A cobrança já existe e não está ATIVA.").about(Some(txid));
        }
        // The same again is no other charge.
        Some(cob) if cob["pedido"] == *body => return Deed::answer(Reply::new(201, shown(cob, view))).about(Some(txid)),
        Some(cob) => cob["revisao"].as_i64().unwrap_or_default() + 1,
    };
    let location = format!("pix.example.com/qr/v2/{}", view.ids.hex("location", 32));
    let mut cob = json!({
        "calendario": { "criacao": view.at.millis(), "expiracao": body["calendario"]["expiracao"].as_i64().unwrap_or(86_400) },
        "txid": txid, "revisao": revision, "loc": { "id": view.ids.n, "location": location, "tipoCob": "cob", "criacao": view.at.millis() },
        "location": location, "status": "ATIVA", "valor": { "original": body["valor"]["original"], "modalidadeAlteracao": 0 }, "chave": key,
        "pixCopiaECola": code(&location), "pedido": body,
    });
    for optional in ["devedor", "solicitacaoPagador", "infoAdicionais"] {
        if !body[optional].is_null() {
            cob[optional] = body[optional].clone();
        }
    }
    let sent = Sent {
        what: if revision == 0 { "charge" } else { "charge revised" }.to_owned(),
        to: text(&body["devedor"]["nome"]).unwrap_or_default(),
        text: text(&body["solicitacaoPagador"]).unwrap_or_default(),
        amount: Some(cents),
        currency: Some("BRL".to_owned()),
        id: txid.clone(),
    };
    Deed::done(Reply::new(201, shown(&cob, view)), sent).about(Some(txid.clone())).put("cob", &txid, &[], cob)
}

/// Takes a charge back, or changes its amount.
pub(super) fn revise(call: &Call, view: &View<'_>) -> Deed {
    let txid = call.segment(2);
    let Some(cob) = view.shelf.get("cob", txid) else { return Deed::answer(missing()) };
    if cob["status"] != "ATIVA" {
        return wrong("cob.status", "A cobrança não está ATIVA, e a presente requisição busca alterá-la.").about(Some(txid.to_owned()));
    }
    let mut cob = cob.clone();
    match (call.body["status"].as_str(), &call.body["valor"]["original"]) {
        (Some("REMOVIDA_PELO_USUARIO_RECEBEDOR"), _) => cob["status"] = "REMOVIDA_PELO_USUARIO_RECEBEDOR".into(),
        (None, original) if amount(original).is_some_and(|cents| cents > 0) => cob["valor"]["original"] = original.clone(),
        _ => return wrong("cob.status", "O objeto cob não respeita o _schema_.").about(Some(txid.to_owned())),
    }
    cob["revisao"] = (cob["revisao"].as_i64().unwrap_or_default() + 1).into();
    let sent = Sent { what: "charge revised".to_owned(), id: txid.to_owned(), ..Sent::default() };
    Deed::done(Reply::new(200, shown(&cob, view)), sent).about(Some(txid.to_owned())).put("cob", txid, &[], cob)
}

pub(super) fn fetch(call: &Call, view: &View<'_>) -> Reply {
    view.shelf.get("cob", call.segment(2)).map_or_else(missing, |cob| Reply::new(200, shown(cob, view)))
}

/// The charge with its payments, without what the stand-in keeps for itself.
fn shown(cob: &Value, view: &View<'_>) -> Value {
    let mut cob = whole("cob", cob, view);
    cob.as_object_mut().map(|cob| cob.shift_remove("pedido"));
    cob
}

fn missing() -> Reply {
    problem(404, "CobNaoEncontrado", "Cobrança não encontrada.", "Cobrança não encontrada para o txid informado.")
}

fn wrong(property: &str, reason: &str) -> Deed {
    let reply =
        problem(400, "CobOperacaoInvalida", "Cobrança inválida.", "A requisição não respeita o _schema_ ou está semanticamente errada.");
    Deed::answer(violated(reply, property, reason))
}

/// What a payer's bank reads from the QR code: fields of tag, length and value, and a checksum over them.
fn code(location: &str) -> String {
    let field = |tag: &str, value: &str| format!("{tag}{:02}{value}", value.len());
    let account = field("00", "br.gov.bcb.pix") + &field("25", location);
    let fields = [
        field("00", "01"),
        field("26", &account),
        field("52", "0000"),
        field("53", "986"),
        field("58", "BR"),
        field("59", "SANDBOX"),
        field("60", "SAO PAULO"),
        field("62", &field("05", "***")),
        "6304".to_owned(),
    ];
    let text = fields.concat();
    let checksum = checksum(text.as_bytes());
    format!("{text}{checksum:04X}")
}

/// CRC-16 with the polynomial 0x1021, beginning at 0xFFFF.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |sum, byte| {
        (0..8).fold(sum ^ (u16::from(*byte) << 8), |sum, _| if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 })
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_is_the_known_one() {
        // The check value of CRC-16/CCITT-FALSE in the catalogue of parametrised CRC algorithms.
        assert_eq!(super::checksum(b"123456789"), 0x29B1);
        assert!(super::code("pix.example.com/qr/v2/1").starts_with("00020126450014br.gov.bcb.pix2523pix.example.com/qr/v2/1"));
    }
}
