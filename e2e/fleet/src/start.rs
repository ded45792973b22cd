//! The start of a server on a free port, and the wait until it answers.

use std::collections::HashSet;
use std::future::Future;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::error::Error;
use crate::process::Process;

/// How long a server may take to answer. Generous: all servers of a fleet start at once on few cores.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(120);

/// How often a lost race for a port is tried again.
pub(crate) const PORT_ATTEMPTS: usize = 5;

const POLL: Duration = Duration::from_millis(25);

/// Lines of a log that an error shows.
pub(crate) const TAIL: usize = 25;

/// A port that nothing listened on a moment ago and that this process has not handed out before.
///
/// Somebody else may take it before it is used.
///
/// # Errors
/// When the operating system has none.
pub fn free_port() -> Result<u16, Error> {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    loop {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .map_err(Error::io(Path::new("127.0.0.1:0")))?
            .port();
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        if given.get_or_insert_default().insert(port) {
            return Ok(port);
        }
    }
}

/// Waits until `check` succeeds; ends early when the process does.
pub(crate) async fn until_ready<F, Fut>(process: &Process, check: F) -> Result<(), Error>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(), String>>,
{
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        if let Some(exit) = process.exit() {
            return Err(ended(process, &exit.text));
        }
        let last = match tokio::time::timeout(READY_WITHIN, check()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(last)) => last,
            Err(_) => "no answer".to_owned(),
        };
        if Instant::now() >= deadline {
            return Err(Error::NotReady {
                name: process.name().to_owned(),
                seconds: READY_WITHIN.as_secs(),
                last,
                log: process.log_path().display().to_string(),
                tail: process.log_tail(TAIL),
            });
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until `check` answers with something; `what` and the last answer are in the error.
pub(crate) async fn await_state<T, F, Fut>(
    what: &str,
    within: Duration,
    mut check: F,
) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + within;
    loop {
        let last = match check().await {
            Ok(value) => return Ok(value),
            Err(last) => last,
        };
        if Instant::now() >= deadline {
            return Err(Error::Awaited {
                what: what.to_owned(),
                seconds: within.as_secs(),
                last,
            });
        }
        tokio::time::sleep(POLL).await;
    }
}

pub(crate) fn ended(process: &Process, exit: &str) -> Error {
    Error::Ended {
        name: process.name().to_owned(),
        exit: exit.to_owned(),
        log: process.log_path().display().to_string(),
        tail: process.log_tail(TAIL),
    }
}

/// Whether the process ended because somebody else took its port first.
pub(crate) fn lost_port(error: &Error) -> bool {
    matches!(error, Error::Ended { tail, .. } if tail.contains("address already in use"))
}

/// The status code of a GET. Plain HTTP on the loopback address only, as all readiness checks are.
pub(crate) async fn http_status(url: &str) -> Result<u16, String> {
    let rest = url.strip_prefix("http://").ok_or("not a plain HTTP URL")?;
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    let exchange = async {
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        let request =
            format!("GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut head = vec![0; 64];
        let mut filled = 0;
        while filled < 12 {
            match stream.read(&mut head[filled..]).await? {
                0 => break,
                read => filled += read,
            }
        }
        head.truncate(filled);
        std::io::Result::Ok(head)
    };
    let head = tokio::time::timeout(Duration::from_secs(5), exchange)
        .await
        .map_err(|_| format!("{url} does not answer"))?
        .map_err(|error| format!("{url}: {error}"))?;
    String::from_utf8_lossy(&head)
        .split(' ')
        .nth(1)
        .and_then(|code| code.get(..3)?.parse().ok())
        .ok_or_else(|| format!("{url} does not speak HTTP"))
}
