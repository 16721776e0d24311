//! A way from the hosts to one service of this machine, such as a package registry. There is no other way out of a lab.

use crate::error::{Result, WithPath};
use crate::switch::{GATE, Switch};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

/// Listens at the switch on `port` and carries every connection to `to`, as long as this process lives.
pub(crate) fn open(switch: &Switch, port: u16, to: SocketAddr) -> Result<()> {
    let listener = switch.enter(move || TcpListener::bind((GATE, port))).with_path(format!("{GATE}:{port}"))?;
    std::thread::spawn(move || {
        for caller in listener.incoming().flatten() {
            std::thread::spawn(move || carry(&caller, to));
        }
    });
    Ok(())
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
