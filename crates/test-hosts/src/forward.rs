//! A way from the hosts to one service of this machine, such as a package registry. There is no other way out of a lab.

use crate::error::{About, Error, Result};
use crate::switch::{GATE, Switch};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;

/// Listens at the switch on `port` and carries every connection to `to`, as long as this process lives.
pub(crate) fn open(switch: &Switch, port: u16, to: SocketAddr) -> Result<()> {
    let listener = listen(switch, port)?;
    std::thread::spawn(move || {
        for caller in listener.incoming().flatten() {
            std::thread::spawn(move || carry(&caller, to));
        }
    });
    Ok(())
}

/// A socket belongs to the network in which its thread made it, so a thread goes there, makes it, and ends.
fn listen(switch: &Switch, port: u16) -> Result<TcpListener> {
    let path = switch.file();
    let namespace = File::open(&path).about(&path)?;
    let there = std::thread::spawn(move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        TcpListener::bind((GATE, port))
    });
    let died = |_| Error::Refused("the thread that listens in the network of the hosts died".to_owned());
    there.join().map_err(died)?.about(format!("{GATE}:{port}"))
}

/// Carries both directions until both have ended. A side that is not there is closed to the other one, as it would be without us.
fn carry(caller: &TcpStream, to: SocketAddr) {
    let Ok(called) = TcpStream::connect(to) else { return };
    std::thread::scope(|scope| {
        scope.spawn(|| pass(caller, &called));
        pass(&called, caller);
    });
}

fn pass(mut from: &TcpStream, mut to: &TcpStream) {
    let copied = io::copy(&mut from, &mut to);
    let _ = to.shutdown(if copied.is_ok() { Shutdown::Write } else { Shutdown::Both });
}
