//! Nothing begins over a server that forgets what it has acknowledged.

use std::process::Output;

use crate::works::{APP, Works, command};

/// What the program says over the database, and how it ends; one that begins is killed when this runs out.
async fn said(works: &Works, arguments: &[&str]) -> Output {
    let url = works.postgres.url("postgres", APP);
    let all: Vec<&str> = ["--database-url", &url].into_iter().chain(arguments.iter().copied()).collect();
    let ended = tokio::time::timeout(crate::works::BOUND, command(works.dir(), &all, &[]).kill_on_drop(true).output()).await;
    ended.unwrap_or_else(|_| panic!("{arguments:?} began")).expect("it runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forgets_is_refused() {
    let mut works = Works::open(&[]).await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("apps").join(APP);
    let doctor = ["doctor", folder.to_str().expect("a path")];
    // As it comes, all begin; the server has begun already.
    let worker = works.work(&[]).await;
    let fine = String::from_utf8(said(&works, &doctor).await.stdout).expect("text");
    for name in ["fsync", "full_page_writes", "synchronous_commit"] {
        assert!(fine.contains(&format!("ok   {name}")), "{fine}");
        works.postgres.set(&[(name, "off")]);
        works.postgres.ctl(&["restart", "--mode", "fast"]);
        for begin in [&["serve", "--listen", "127.0.0.1:0"][..], &["work"]] {
            let refused = said(&works, begin).await;
            let text = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(
                !refused.status.success() && text.contains("SH0012") && text.contains(&format!("`{name}` is off")),
                "{begin:?}: {text}"
            );
        }
        let told = String::from_utf8(said(&works, &doctor).await.stdout).expect("text");
        assert!(told.contains(&format!("FAIL {name}")), "{told}");
    }
    // Nor over one where a login forgets by itself.
    works.postgres.set(&[]);
    works.postgres.ctl(&["restart", "--mode", "fast"]);
    let admin = works.postgres.connect("postgres", APP).await;
    for (login, begin) in [
        ("statehouse_worker", &["work"][..]),
        ("statehouse_api", &["serve", "--listen", "127.0.0.1:0"]),
        ("statehouse_server", &["serve", "--listen", "127.0.0.1:0"]),
    ] {
        admin.batch_execute(&format!("alter role {login} set synchronous_commit = off")).await.expect("set");
        let refused = said(&works, begin).await;
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && text.contains("SH0012"), "{login}: {text}");
        admin.batch_execute(&format!("alter role {login} reset synchronous_commit")).await.expect("reset");
    }
    works.work(&[]).await.kill().await;
    println!("a server without fsync, full_page_writes or synchronous_commit: serve and work refuse with SH0012, doctor tells");
    drop(worker);
}
