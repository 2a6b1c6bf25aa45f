//! A TCP proxy between a client and a server on this machine: counts every byte of both directions, and can be a poor line.
//! Owns how a poor line behaves.
//!
//! A poor line is a rate for each direction, a time there and back, and a share of packets that are lost. What is lost is sent
//! again by TCP, so a loss shows as a wait: everything behind a lost packet arrives one time there and back later, and twice that
//! for every further loss of the same packet. A sender that sees losses slows down; its rate is at most
//! MSS / RTT * 1.22 / sqrt(p) (Mathis et al. 1997).

use crate::Outcome;
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::sync_channel,
    },
    thread,
    time::{Duration, Instant},
};

/// Bytes of a packet.
const PACKET: usize = 1_460;
/// The end of a request's first line.
const REQUEST: &[u8] = b" HTTP/1.1\r\n";
/// Packets under way in one direction.
const WINDOW: usize = 32;

/// A line between a phone and the office.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// Bits a second from the phone.
    pub(crate) up: u64,
    /// Bits a second to the phone.
    pub(crate) down: u64,
    /// There and back.
    pub(crate) round_trip: Duration,
    /// Packets of a thousand that are lost.
    pub(crate) lost: u64,
}

impl Weather {
    fn rate(&self, link: u64) -> u64 {
        if self.lost == 0 {
            return link;
        }
        // 1.22 / sqrt(lost / 1000), in thousandths.
        let factor = 1_220 * 1_000 / (self.lost * 1_000).isqrt().max(1);
        let round_trip_ms = u64::try_from(self.round_trip.as_millis()).unwrap_or(1).max(1);
        let bits = 1_460 * 8 * 1_000 / round_trip_ms * factor / 1_000;
        link.min(bits)
    }
}

#[derive(Default)]
struct Counts {
    up: AtomicU64,
    down: AtomicU64,
    requests: AtomicU64,
    connections: AtomicU64,
}

/// A proxy that runs until the process ends.
pub(crate) struct Proxy {
    /// Where clients connect.
    pub(crate) host: String,
    counts: Arc<Counts>,
}

impl Proxy {
    /// A proxy before `target`.
    pub(crate) fn before(target: &str, weather: Option<Weather>) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let host = listener.local_addr()?.to_string();
        let counts = Arc::new(Counts::default());
        let (target, counted) = (target.parse::<SocketAddr>()?, Arc::clone(&counts));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let counts = Arc::clone(&counted);
                thread::spawn(move || {
                    // A connection that breaks is the client's to notice.
                    let _ = relay(client, target, weather, &counts);
                });
            }
        });
        Ok(Self { host, counts })
    }

    /// Requests of HTTP/1.1 since the last call, by their first lines: what bodies hold is compressed or JSON.
    pub(crate) fn take_requests(&self) -> u64 {
        self.counts.requests.swap(0, Ordering::SeqCst)
    }

    /// Bytes from and to the client since the last call.
    pub(crate) fn take_bytes(&self) -> (u64, u64) {
        (self.counts.up.swap(0, Ordering::SeqCst), self.counts.down.swap(0, Ordering::SeqCst))
    }
}

fn relay(
    client: TcpStream,
    target: SocketAddr,
    weather: Option<Weather>,
    counts: &Arc<Counts>,
) -> Outcome<()> {
    if let Some(weather) = weather {
        // The handshake.
        thread::sleep(weather.round_trip);
    }
    let server = TcpStream::connect(target)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    let up = Arc::clone(counts);
    // Every connection has its own luck, and every run the same.
    let dice = counts.connections.fetch_add(2, Ordering::SeqCst);
    let upward = thread::spawn(move || {
        let link = weather.map(|it| Link::new(it, it.up, dice + 1));
        pass(from, to, link, |bytes| {
            up.up.fetch_add(length(bytes), Ordering::SeqCst);
            let requests = bytes.windows(REQUEST.len()).filter(|it| *it == REQUEST).count();
            up.requests.fetch_add(u64::try_from(requests).unwrap_or(u64::MAX), Ordering::SeqCst);
        })
    });
    let link = weather.map(|it| Link::new(it, it.down, dice + 2));
    pass(server, client, link, |bytes| {
        counts.down.fetch_add(length(bytes), Ordering::SeqCst);
    })?;
    upward.join().map_err(|_| "a thread of the proxy failed")?
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// One direction of a poor line.
struct Link {
    nanos_per_byte: u64,
    half_way: Duration,
    round_trip: Duration,
    lost: u64,
    dice: u64,
    /// When the line has room for the next byte.
    free: Instant,
    /// When the last packet arrived: nothing overtakes it.
    arrived: Instant,
}

impl Link {
    fn new(weather: Weather, bits: u64, dice: u64) -> Self {
        let now = Instant::now();
        Self {
            nanos_per_byte: 8_000_000_000 / weather.rate(bits).max(1),
            half_way: weather.round_trip / 2,
            round_trip: weather.round_trip,
            lost: weather.lost,
            dice: dice.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            free: now,
            arrived: now,
        }
    }

    fn is_lost(&mut self) -> bool {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % 1_000 < self.lost
    }

    /// When a packet of so many bytes that is handed over now arrives.
    fn arrival(&mut self, bytes: usize) -> Instant {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.free =
            self.free.max(Instant::now()) + Duration::from_nanos(self.nanos_per_byte.saturating_mul(bytes));
        let mut arrives = self.free + self.half_way;
        let mut wait = self.round_trip;
        while self.is_lost() {
            arrives += wait;
            wait *= 2;
        }
        self.arrived = self.arrived.max(arrives);
        self.arrived
    }
}

/// Carries bytes as they come; on a poor line through a queue of [`WINDOW`] packets, each of which arrives in its own time.
fn pass(mut from: TcpStream, mut to: TcpStream, link: Option<Link>, count: impl Fn(&[u8])) -> Outcome<()> {
    let Some(mut link) = link else {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut buffer)?;
            let bytes = buffer.get(..read).unwrap_or_default();
            if bytes.is_empty() {
                return Ok(to.shutdown(Shutdown::Write)?);
            }
            count(bytes);
            to.write_all(bytes)?;
        }
    };
    let (queue, packets) = sync_channel::<(Instant, Vec<u8>)>(WINDOW);
    let writer = thread::spawn(move || -> std::io::Result<()> {
        for (arrives, packet) in packets {
            thread::sleep(arrives.saturating_duration_since(Instant::now()));
            to.write_all(&packet)?;
        }
        to.shutdown(Shutdown::Write)
    });
    let mut buffer = vec![0; PACKET];
    loop {
        let read = from.read(&mut buffer)?;
        let packet = buffer.get(..read).unwrap_or_default();
        if packet.is_empty() {
            break;
        }
        count(packet);
        if queue.send((link.arrival(read), packet.to_vec())).is_err() {
            break;
        }
    }
    drop(queue);
    Ok(writer.join().map_err(|_| "a thread of the proxy failed")??)
}
