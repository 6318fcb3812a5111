//! How many requests one core answers in a second, log and all: `cargo run --release -p statehouse-sandbox --example throughput`.
//!
//! The sandbox has one thread, its callers another. Each connection sends a request, reads its answer, and sends the next. On a
//! machine with other work the second figure is the one to look at: it counts the time the sandbox had a core.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use statehouse_sandbox::{Sandbox, Settings};

const CONNECTIONS: usize = 16;
const RUNS: Duration = Duration::from_secs(3);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let log = std::env::temp_dir().join(format!("sandbox-throughput-{}.jsonl", std::process::id()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let settings = Settings { log: Some(log.clone()), ..Settings::default() };
    let sandbox = runtime.block_on(Sandbox::start(settings))?;
    for provider in ["k", "q", "n"] {
        let address = sandbox.address;
        let (begun, at_core) = (Instant::now(), core_s());
        let caller = std::thread::spawn(move || ask(address, provider));
        let asked = runtime.block_on(async {
            while !caller.is_finished() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            caller.join().map_err(|_| "a caller broke off")
        })?;
        let (passed, worked) = (begun.elapsed().as_secs_f64(), core_s() - at_core);
        println!("/{provider}/send: {:.0} a second, {:.0} in a second of one core", asked as f64 / passed, asked as f64 / worked);
    }
    println!("{} bytes of log", std::fs::metadata(&log)?.len());
    std::fs::remove_file(&log)?;
    Ok(())
}

/// For how long this thread had a core, in seconds, as Linux counts it.
fn core_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).map_or(f64::NAN, |nanoseconds| nanoseconds / 1e9)
}

/// How many requests were answered in the time, over so many connections by one thread.
fn ask(address: SocketAddr, provider: &str) -> usize {
    let connect = |_| TcpStream::connect(address).and_then(|stream| stream.set_nodelay(true).map(|()| stream));
    let Ok(mut streams) = (0..CONNECTIONS).map(connect).collect::<Result<Vec<_>, _>>() else { return 0 };
    let (begun, mut asked, mut buffer) = (Instant::now(), 0, [0; 4096]);
    while begun.elapsed() < RUNS {
        for (n, stream) in streams.iter_mut().enumerate() {
            let key = asked + n;
            let body = format!("{{\"ref\":\"r{key}\",\"to\":\"+3545551234\",\"text\":\"your order is on its way\"}}");
            let head = format!("POST /{provider}/send HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nidempotency-key: {key}");
            let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(request.as_bytes());
        }
        for stream in &mut streams {
            // An answer this small comes in one piece.
            asked += usize::from(stream.read(&mut buffer).is_ok_and(|length| buffer[..length].starts_with(b"HTTP/1.1 200")));
        }
    }
    asked
}
