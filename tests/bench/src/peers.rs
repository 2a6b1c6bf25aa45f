//! The peers of workload W, installed from their registries when asked for: Anki, PouchDB, Kinto. Owns installing and driving
//! them; each script of `tests/bench/peers` says what is one audit there.

use crate::{
    Bench, Outcome,
    meter::{self, median},
    office::ITEMS,
    proxy::Proxy,
    words::Words,
    workload::AUDITS,
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
const RUNS: usize = 5;

/// What a peer took.
#[derive(Debug, Clone, Copy, Default)]
struct Took {
    push: Duration,
    pull: Duration,
    server: (f64, f64),
    /// Bytes up and down, of the push and of the pull.
    bytes: [(u64, u64); 2],
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

    /// One peer after the other, each [`RUNS`] times; gives the medians of the fastest push and the fastest pull.
    pub(crate) fn run(&self, bench: &Bench) -> Outcome<(Duration, Duration)> {
        println!("\nPeers on W, load of the machine {}", meter::load());
        let file = self.folder.join("w.tsv");
        let mut words = Words::new(20_261_121);
        let line = |words: &mut Words| (0..ITEMS).map(|_| words.text()).collect::<Vec<_>>().join("\t");
        let text: Vec<String> = (0..AUDITS).map(|_| line(&mut words)).collect();
        fs::write(&file, text.join("\n") + "\n")?;
        let (mut push, mut pull) = (Duration::MAX, Duration::MAX);
        for peer in &PEERS {
            let counted = self.once(bench, peer, &file, true)?;
            let [up, down] = counted.bytes;
            println!(
                "  {:<8} push {} B up {} B down, pull {} B up {} B down",
                peer.name, up.0, up.1, down.0, down.1
            );
            let mut took = Vec::new();
            for _ in 0..RUNS {
                let once = self.once(bench, peer, &file, false)?;
                println!(
                    "  {:<8} push {:.3} s (server {:.2} s), pull {:.3} s (server {:.2} s)",
                    peer.name,
                    once.push.as_secs_f64(),
                    once.server.0,
                    once.pull.as_secs_f64(),
                    once.server.1
                );
                took.push(once);
            }
            let middle = |figure: fn(&Took) -> Duration| {
                median(&took.iter().map(figure).collect::<Vec<_>>()).unwrap_or_default()
            };
            let (own_push, own_pull) = (middle(|it| it.push), middle(|it| it.pull));
            println!(
                "  {:<8} medians of {RUNS}: push {:.3} s, pull {:.3} s",
                peer.name,
                own_push.as_secs_f64(),
                own_pull.as_secs_f64()
            );
            (push, pull) = (push.min(own_push), pull.min(own_pull));
        }
        Ok((push, pull))
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
        let bytes = || proxy.as_ref().map(Proxy::take_bytes).unwrap_or_default();
        talk.hear("ready")?;
        bytes();
        let pushed = talk.next("pushed")?;
        let up = bytes();
        let pulled = talk.next("pulled")?;
        let down = bytes();
        let server = (pushed["server"].as_f64().unwrap_or(0.0), pulled["server"].as_f64().unwrap_or(0.0));
        let time = |it: &Value| Duration::from_secs_f64(it.as_f64().unwrap_or(0.0));
        Ok(Took { push: time(&pushed["pushed"]), pull: time(&pulled["pulled"]), server, bytes: [up, down] })
    }

    fn program(&self, name: &str) -> PathBuf {
        if name.contains('/') { self.folder.join(name) } else { PathBuf::from(name) }
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
