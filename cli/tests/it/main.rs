//! The `veedor` binary as its users meet it: a process with arguments, input, output and an exit code.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

mod binary;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod copied;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod incidents;
#[cfg(test)]
mod office;
#[cfg(test)]
mod phone_link;
#[cfg(test)]
mod photos;
#[cfg(test)]
mod photos_sent;
#[cfg(test)]
mod printed;
#[cfg(test)]
mod races;
#[cfg(test)]
mod redacted;
#[cfg(test)]
mod rescued;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod score;
#[cfg(test)]
mod standard_and_payout;
#[cfg(test)]
mod template;
#[cfg(test)]
mod with_a_server;
mod world;
