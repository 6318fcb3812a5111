//! The psql sessions that `docs/law.md` and the decisions quote are run on a fresh database and compared with the page, and the SQL the page quotes is what
//! the compiler prints. `UPDATE_SESSIONS=1` writes the pages anew.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test stops where it is surprised")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use statehouse_testkit::{Cluster, TestDatabase, Verbosity, app};
use tokio_postgres::Client;

const HOME: &str = env!("CARGO_MANIFEST_DIR");
const API: &str = "statehouse_api";
const HOW: &str = "if this is as it should be: UPDATE_SESSIONS=1 cargo nextest run -p statehouse-lawtests --test sessions";
/// Longer than anything here can take, so that a hanging pair ends as a failure.
const PAIR_MAX: Duration = Duration::from_secs(60);
/// Printed between the turns of a pair, and taken out again.
const TURN: &str = "testkit: turn";

/// One stretch of a session: who types it, and what.
struct Part {
    who: String,
    text: String,
}

/// The name of a session, its script in `sessions/` without `.sql`, and the page's text of it.
struct Quoted {
    name: String,
    page: PathBuf,
    text: String,
}

#[test]
fn the_pages_show_what_psql_prints() {
    let mut used = BTreeSet::new();
    let mut stale = String::new();
    for quoted in pages().iter().flat_map(|page| quoted(page)) {
        let printed = run(&quoted.name);
        used.insert(quoted.name.clone());
        if printed != quoted.text && updating() {
            replace(&quoted, &printed);
        } else if printed != quoted.text {
            let _ = write!(stale, "`{}` in {}:\n{}\n", quoted.name, quoted.page.display(), difference(&quoted.text, &printed));
        }
    }
    assert!(stale.is_empty(), "{stale}\n{HOW}");
    let mut scripts: BTreeSet<String> = files(&Path::new(HOME).join("sessions")).iter().map(|file| stem(file)).collect();
    scripts.remove("scene");
    assert_eq!(used, scripts, "pages and scripts name different sessions");
    assert!(used.len() >= 10);
}

#[test]
fn the_page_quotes_the_compiler_verbatim() {
    let loaded = statehouse_definition::load(&hall());
    assert!(loaded.findings.is_empty(), "{:#?}", loaded.findings);
    let app = loaded.app.unwrap();
    let compiled = statehouse_compile::compile(&app).unwrap();
    let mut sql: String = compiled.objects.iter().map(|object| object.sql.as_str()).collect();
    sql.push_str(&statehouse_compile::engine::install());
    let path = docs().join("law.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let blocks: Vec<&str> = page.split("```sql\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert!(blocks.len() >= 8, "the page quotes {} blocks", blocks.len());
    for block in blocks {
        let printed = between(&sql, block).unwrap_or_else(|| panic!("the compiler prints nothing that begins and ends as\n{block}"));
        if updating() {
            rewrite(&path, |page| page.replace(block, printed));
        } else {
            assert!(block == printed, "not what the compiler prints:\n{}\n{HOW}", difference(block, printed));
        }
    }
}

/// `block` where it stands in `sql`, else what begins and ends as it does.
fn between<'a>(sql: &'a str, block: &'a str) -> Option<&'a str> {
    if sql.contains(block) {
        return Some(block);
    }
    let (first, last) = (block.lines().next()?, block.lines().last()?);
    let begins = sql.find(&format!("\n{first}\n"))? + 1;
    let ends = begins + sql[begins..].find(&format!("{last}\n"))? + last.len() + 1;
    Some(&sql[begins..ends])
}

fn updating() -> bool {
    std::env::var_os("UPDATE_SESSIONS").is_some_and(|value| value == "1")
}

fn hall() -> PathBuf {
    app_folder("hall")
}

fn app_folder(name: &str) -> PathBuf {
    Path::new(HOME).join("apps").join(name)
}

fn docs() -> PathBuf {
    Path::new(HOME).join("../../docs")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The pages that quote sessions.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![docs().join("law.md")];
    pages.extend(files(&docs().join("adr")));
    pages
}

/// Every `<!-- session: NAME -->` of a page with the fenced text after it.
fn quoted(page: &Path) -> Vec<Quoted> {
    let text = std::fs::read_to_string(page).unwrap();
    let marked = text.split("<!-- session: ").skip(1);
    marked
        .map(|rest| {
            let (name, rest) =
                rest.split_once(" -->\n```text\n").unwrap_or_else(|| panic!("{}: a session needs a fenced text", page.display()));
            let (text, _) = rest.split_once("```\n").unwrap();
            Quoted { name: name.into(), page: page.into(), text: text.into() }
        })
        .collect()
}

fn replace(quoted: &Quoted, printed: &str) {
    let head = format!("<!-- session: {} -->\n```text\n", quoted.name);
    let before = format!("{head}{}```\n", quoted.text);
    rewrite(&quoted.page, |page| page.replace(&before, &format!("{head}{printed}```\n")));
}

/// Both tests may write one page at once.
fn rewrite(path: &Path, change: impl Fn(String) -> String) {
    let page = std::fs::File::open(path).unwrap();
    page.lock().unwrap();
    std::fs::write(path, change(std::fs::read_to_string(path).unwrap())).unwrap();
}

/// The first lines in which two texts differ.
fn difference(page: &str, printed: &str) -> String {
    let at = page.lines().zip(printed.lines()).take_while(|(left, right)| left == right).count();
    let from = |text: &str| text.lines().skip(at).take(4).collect::<Vec<_>>().join("\n    ");
    format!("  page, line {}:\n    {}\n  psql:\n    {}", at + 1, from(page), from(printed))
}

/// Runs one session on a database of its own and returns what a person at the prompt would have read.
fn run(name: &str) -> String {
    let cluster = Cluster::shared();
    let app = app_of(name);
    let db = cluster.database_from(&app::template(cluster, &app_folder(&app)), name);
    if app == "hall" {
        let scene = play(&db, &parts("scene"));
        assert!(!scene.contains("ERROR"), "{scene}");
    }
    let printed = play(&db, &parts(name));
    // psql fills the last column of a head with blanks.
    printed.lines().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n").trim_end().to_owned() + "\n"
}

fn script(name: &str) -> String {
    std::fs::read_to_string(Path::new(HOME).join("sessions").join(format!("{name}.sql"))).unwrap()
}

/// The app a session is about: `-- app: till` before its first part, else the hall with its scene.
fn app_of(name: &str) -> String {
    let script = script(name);
    let head = script.split("--- ").next().unwrap_or_default();
    head.lines().find_map(|line| line.strip_prefix("-- app: ")).unwrap_or("hall").to_owned()
}

fn parts(name: &str) -> Vec<Part> {
    let script = script(name);
    let parts = script.split("--- ").skip(1);
    parts
        .map(|part| {
            let (who, text) = part.split_once('\n').unwrap();
            Part { who: who.into(), text: text.into() }
        })
        .collect()
}

fn play(db: &TestDatabase, parts: &[Part]) -> String {
    if parts.iter().all(|part| part.who.starts_with("as ")) { one_by_one(db, parts) } else { interleaved(db, parts) }
}

fn one_by_one(db: &TestDatabase, parts: &[Part]) -> String {
    let mut printed = String::new();
    for part in parts {
        let role = part.who.trim_start_matches("as ");
        if parts.len() > 1 {
            let _ = writeln!(printed, "-- psql -U {role}");
        }
        printed.push_str(&match role {
            "postgres" => db.psql_as_superuser(&format!("\\set ECHO all\n{}", part.text)).ok().to_owned(),
            role => db.transcript(role, Verbosity::Default, &part.text),
        });
    }
    printed
}

/// Two psql at once. Turn `n` begins when advisory lock `n` is let go, which happens once everybody waits again: for a turn, or for each other.
fn interleaved(db: &TestDatabase, parts: &[Part]) -> String {
    let script = |who: &str| {
        let turns = parts.iter().enumerate().filter(|(_, part)| part.who == who);
        turns.fold(String::new(), |mut script, (nth, part)| {
            let _ = write!(script, "\\echo '{TURN}'\nselect from pg_advisory_lock({nth}) \\g /dev/null\n\\echo '{TURN}'\n{}", part.text);
            script
        })
    };
    let (printed, waited) = thread::scope(|scope| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let conductor = runtime.block_on(hold(db, parts.len()));
        let players = ["A", "B"].map(|who| {
            let script = script(who);
            scope.spawn(move || db.transcript(API, Verbosity::Default, &script))
        });
        let waited = runtime.block_on(conduct(&conductor, parts.len()));
        (players.map(|player| player.join().unwrap()), waited)
    });
    let turns = printed.map(|text| turns(&text));
    weave(parts, &turns, &waited)
}

async fn hold(db: &TestDatabase, turns: usize) -> Client {
    let conductor = db.connect_as_superuser().await;
    let hold = format!("select pg_advisory_lock(nth) from generate_series(0, {turns}) nth");
    conductor.batch_execute(&hold).await.unwrap();
    conductor
}

/// Lets go turn after turn and returns those that had to wait for the other side.
async fn conduct(conductor: &Client, turns: usize) -> Vec<usize> {
    let mut waited = Vec::new();
    let mut before = settle(conductor, 2).await;
    for nth in 0..turns {
        conductor.batch_execute(&format!("select pg_advisory_unlock({nth})")).await.unwrap();
        let blocked = settle(conductor, 0).await;
        if blocked > before {
            waited.push(nth);
        }
        before = blocked;
    }
    waited
}

/// Waits until each of the API's connections waits for a lock, or is gone; returns how many wait for another lock than a turn's.
async fn settle(conductor: &Client, at_least: i64) -> i64 {
    let look = "select count(*), count(*) filter (where l.waits), count(*) filter (where l.blocked)
                  from pg_stat_activity a, lateral (
                    select bool_or(not granted) as waits, bool_or(not granted and locktype <> 'advisory') as blocked from pg_locks where pid = a.pid) l
                 where a.datname = current_database() and a.usename = 'statehouse_api'";
    let begun = Instant::now();
    loop {
        let row = conductor.query_one(look, &[]).await.unwrap();
        let (all, waiting, blocked): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        if all == waiting && all >= at_least {
            return blocked;
        }
        assert!(begun.elapsed() < PAIR_MAX, "of {all} connections {waiting} wait");
    }
}

/// What was printed in each turn of one side.
fn turns(printed: &str) -> Vec<String> {
    let marker = format!("\\echo '{TURN}'\n{TURN}\n");
    printed.split(&marker).skip(2).step_by(2).map(str::to_owned).collect()
}

/// One text of both sides, each line with its side. What a blocked statement printed stands after the turn that set it free.
fn weave(parts: &[Part], printed: &[Vec<String>; 2], waited: &[usize]) -> String {
    let mut text = String::new();
    let mut next = [0, 0];
    let mut late: Vec<String> = Vec::new();
    for (nth, part) in parts.iter().enumerate() {
        let side = usize::from(part.who == "B");
        let lines: Vec<String> = printed[side][next[side]].lines().map(|line| format!("{}| {line}", part.who)).collect();
        next[side] += 1;
        // A blocked turn stays in the list until the other side moves on.
        if waited.contains(&nth) {
            let typed = part.text.lines().position(|line| line.ends_with(';')).map_or(0, |at| at + 1);
            text.push_str(&(lines[..typed].join("\n") + "\n"));
            let _ = writeln!(text, "{}|     (waits)", part.who);
            late = lines[typed..].to_vec();
        } else {
            text.push_str(&(lines.join("\n") + "\n"));
            text.extend(late.drain(..).map(|line| line + "\n"));
        }
    }
    text
}
