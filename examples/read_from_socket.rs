//! Reads an archive from a socket, in one pass, while it is still being sent.
//!
//! The program is both ends: a thread sends a file over TCP, and the main thread reads it.
//!
//! ```sh
//! cargo run --example read_from_socket -- fixtures/pg17/small-custom.dump
//! ```

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::{env, io, thread};

use pgdmp::{ArchiveStream, BlockKind};

fn main() -> pgdmp::Result<()> {
    let path = env::args().nth(1).unwrap_or_else(|| "fixtures/pg17/small-custom.dump".into());
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let sender = thread::spawn(move || -> io::Result<u64> {
        let mut file = File::open(path)?;
        io::copy(&mut file, &mut TcpStream::connect(address)?)
    });
    let (socket, _) = listener.accept()?;

    let mut archive = ArchiveStream::new(socket)?;
    println!("{} entries", archive.toc().len());
    let mut pass = archive.pass();
    while let Some(mut block) = pass.next_block()? {
        let name = block.entry().map(|entry| entry.qualified_name().to_string());
        let mut bytes = 0;
        if block.kind() == BlockKind::LargeObjects {
            while let Some(mut object) = block.next_object()? {
                bytes += object.copy_to(io::sink())?;
            }
        } else {
            bytes += block.data()?.copy_to(io::sink())?;
        }
        println!("{}: {bytes} bytes", name.unwrap_or_default());
    }
    if let Ok(sent) = sender.join() {
        println!("{} bytes came through the socket", sent?);
    }
    Ok(())
}
