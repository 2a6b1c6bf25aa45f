//! The peers of workload W, installed from their registries when asked for: Anki, PouchDB, Kinto. Owns installing and driving
//! them; each script of `tests/bench/peers` says what is one audit there.

use crate::{
    Bench, Outcome,
    meter::{self, median},
    office::ITEMS,
    proxy::Proxy,
    words::Words,
    workload::{AUDITS, ratio},
};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

const ANKI: &str = "anki==26.9.3";
const KINTO: &str = "kinto==26.5.0";
const SCRIPTS: [(&str, &str); 4] = [
    ("anki_w.py", include_str!("../peers/anki_w.py")),
    ("pouch_w.mjs", include_str!("../peers/pouch_w.mjs")),
    ("kinto_w.mjs", include_str!("../peers/kinto_w.mjs")),
    ("package.json", include_str!("../peers/package.json")),
];

/// What a peer took.
#[derive(Debug, Clone, Copy, Default)]
struct Took {
    push: Duration,
    pull: Duration,
    /// Processor of the server and of the client, in seconds.
    server: (f64, f64),
    client: (f64, f64),
    /// Bytes up and down, of the push and of the pull.
    bytes: [(u64, u64); 2],
    /// Requests of the push and of the pull.
    requests: [u64; 2],
}

/// Peers that are installed.
pub(crate) struct Peers {
    folder: PathBuf,
}

struct Peer {
    name: &'static str,
    command: &'static str,
    script: &'static str,
    further: &'static [&'static str],
}

const PEERS: [Peer; 3] = [
    Peer { name: "Anki", command: "python/bin/python", script: "anki_w.py", further: &[] },
    Peer { name: "PouchDB", command: "node", script: "pouch_w.mjs", further: &[] },
    Peer { name: "Kinto", command: "node", script: "kinto_w.mjs", further: &["python/bin/kinto"] },
];

impl Peers {
    /// Installs the peers in a folder, where they stay for the next time.
    pub(crate) fn install(folder: &Path) -> Outcome<Self> {
        let folder = std::path::absolute(folder)?;
        fs::create_dir_all(&folder)?;
        for (name, text) in SCRIPTS {
            fs::write(folder.join(name), text)?;
        }
        let run = |program: &str, arguments: &[&str]| -> Outcome<()> {
            println!("  installing: {program} {}", arguments.join(" "));
            let status =
                Command::new(program).args(arguments).current_dir(&folder).stdout(Stdio::null()).status()?;
            if status.success() { Ok(()) } else { Err(format!("{program} failed").into()) }
        };
        run("python3", &["-m", "venv", "python"])?;
        let pip = folder.join("python/bin/pip").display().to_string();
        run(&pip, &["install", "--quiet", ANKI, KINTO, "waitress", "setuptools<81"])?;
        run("npm", &["install", "--silent", "--no-audit", "--no-fund"])?;
        Ok(Self { folder })
    }

    /// Counts the bytes and requests of each; these runs are not among the medians.
    pub(crate) fn begin(self, bench: &Bench) -> Outcome<Runs> {
        println!("\nPeers on W, load of the machine {}", meter::load());
        let file = self.folder.join("w.tsv");
        let mut words = Words::new(20_261_121);
        let line = |words: &mut Words| (0..ITEMS).map(|_| words.text()).collect::<Vec<_>>().join("\t");
        let text: Vec<String> = (0..AUDITS).map(|_| line(&mut words)).collect();
        fs::write(&file, text.join("\n") + "\n")?;
        for peer in &PEERS {
            let Took { bytes: [up, down], requests: [pushes, pulls], .. } =
                self.once(bench, peer, &file, true)?;
            println!(
                "  {:<8} push {pushes} requests {} B up {} B down, pull {pulls} requests {} B up {} B down",
                peer.name, up.0, up.1, down.0, down.1
            );
        }
        Ok(Runs { peers: self, file, took: PEERS.iter().map(|_| Vec::new()).collect() })
    }

    fn once(&self, bench: &Bench, peer: &Peer, file: &Path, counted: bool) -> Outcome<Took> {
        let work = bench.folder()?;
        // The scripts find their packages beside them, and their data in a folder of this run.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let target = format!("127.0.0.1:{port}");
        let proxy = counted.then(|| Proxy::before(&target, None)).transpose()?;
        let address = proxy.as_ref().map_or(target.as_str(), |it| it.host.as_str());
        let mut command = Command::new(self.program(peer.command));
        command.current_dir(&self.folder).arg(self.folder.join(peer.script)).arg(file);
        let run = work.path().join("run").display().to_string();
        command.arg(&self.folder).arg(port.to_string()).arg(address).arg(run);
        command.args(peer.further.iter().map(|it| self.program(it)));
        let mut talk = Talk::start(&mut command)?;
        let counted = || {
            let proxy = proxy.as_ref();
            (proxy.map(Proxy::take_bytes).unwrap_or_default(), proxy.map_or(0, Proxy::take_requests))
        };
        talk.hear("ready")?;
        counted();
        let pushed = talk.next("pushed")?;
        let up = counted();
        let pulled = talk.next("pulled")?;
        let down = counted();
        let of = |what: &str| (pushed[what].as_f64().unwrap_or(0.0), pulled[what].as_f64().unwrap_or(0.0));
        let time = |it: &Value| Duration::from_secs_f64(it.as_f64().unwrap_or(0.0));
        let (push, pull) = (time(&pushed["pushed"]), time(&pulled["pulled"]));
        let (server, client) = (of("server"), of("client"));
        Ok(Took { push, pull, server, client, bytes: [up.0, down.0], requests: [up.1, down.1] })
    }

    fn program(&self, name: &str) -> PathBuf {
        if name.contains('/') { self.folder.join(name) } else { PathBuf::from(name) }
    }
}

/// Runs of all peers, in turns with those of Veedor: the machine is not the same from one minute to the next.
pub(crate) struct Runs {
    peers: Peers,
    file: PathBuf,
    took: Vec<Vec<Took>>,
}

impl Runs {
    /// One more run of each.
    pub(crate) fn once(&mut self, bench: &Bench) -> Outcome<()> {
        for (peer, took) in PEERS.iter().zip(&mut self.took) {
            let once = self.peers.once(bench, peer, &self.file, false)?;
            println!(
                "  {:<8} push {:.3} s (client {:.2} s, server {:.2} s), pull {:.3} s (client {:.2} s, server {:.2} s)",
                peer.name,
                once.push.as_secs_f64(),
                once.client.0,
                once.server.0,
                once.pull.as_secs_f64(),
                once.client.1,
                once.server.1
            );
            took.push(once);
        }
        Ok(())
    }

    /// Tells the medians, and how Veedor's stand to each.
    pub(crate) fn end(&self, (push, pull): (Duration, Duration)) {
        for (peer, took) in PEERS.iter().zip(&self.took) {
            let middle = |figure: fn(&Took) -> Duration| {
                median(&took.iter().map(figure).collect::<Vec<_>>()).unwrap_or_default()
            };
            let (own_push, own_pull) = (middle(|it| it.push), middle(|it| it.pull));
            println!(
                "  {:<8} medians of {}: push {:.3} s, pull {:.3} s; Veedor's push takes {:.2} x as long, its pull {:.2} x",
                peer.name,
                took.len(),
                own_push.as_secs_f64(),
                own_pull.as_secs_f64(),
                ratio(push, own_push),
                ratio(pull, own_pull)
            );
        }
    }
}

/// A script that waits for a line before each step and says with a line what it took.
struct Talk {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Talk {
    fn start(command: &mut Command) -> Outcome<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().ok_or("no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self { child, input, output })
    }

    fn hear(&mut self, what: &str) -> Outcome<Value> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                return Err(format!("a peer stopped before it said {what:?}").into());
            }
            // Servers of peers talk too.
            if let Ok(value) = serde_json::from_str::<Value>(&line)
                && value.get(what).is_some()
            {
                return Ok(value);
            }
        }
    }

    fn next(&mut self, what: &str) -> Outcome<Value> {
        self.input.write_all(b"\n")?;
        self.input.flush()?;
        self.hear(what)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // It ends its own server when it ends by itself, which it does once its last step is done.
        let _ = self.child.wait();
    }
}
