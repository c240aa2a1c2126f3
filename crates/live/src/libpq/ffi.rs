//! The functions of libpq, each behind a safe method of a handle: all `unsafe` of the crate.
//!
//! A handle owns what libpq allocated and frees it once. Texts go in as bytes without NUL and come
//! out as bytes that are ours. Nothing of libpq is called after its handle is gone, and the library
//! itself is never unloaded. What the numbers mean that come back is for `raw.rs` to know.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::{Mutex, PoisonError};

use super::Rows;

/// A `PGconn`, a `PGresult`, a `PGcancel`, a `PGcancelConn`: libpq alone looks inside.
type Opaque = *mut c_void;
type NoticeProcessor = extern "C" fn(*mut c_void, *const c_char);

/// A `PQconninfoOption`.
#[repr(C)]
struct Setting {
    keyword: *const c_char,
    envvar: *const c_char,
    compiled: *const c_char,
    val: *const c_char,
    label: *const c_char,
    dispchar: *const c_char,
    dispsize: c_int,
}

/// Declares a table of functions, and fills it: from a library that was loaded, or with what is
/// linked. The types are those of libpq-fe.h.
macro_rules! functions {
    ($table:ident: $($name:ident($($arg:ty),*) $(-> $result:ty)?;)*) => {
        #[allow(non_snake_case)]
        struct $table {
            $($name: unsafe extern "C" fn($($arg),*) $(-> $result)?,)*
        }

        #[cfg(not(feature = "bundled-libpq"))]
        impl $table {
            /// # Safety
            ///
            /// The library is libpq, and outlives what is returned.
            unsafe fn of(library: &libloading::Library) -> Result<Self, libloading::Error> {
                Ok($table {
                    // SAFETY: no release of libpq changed the type of one of these.
                    $($name: unsafe { *library.get(stringify!($name).as_bytes())? },)*
                })
            }
        }

        #[cfg(feature = "bundled-libpq")]
        impl $table {
            fn linked() -> Self {
                unsafe extern "C" {
                    $(fn $name($(_: $arg),*) $(-> $result)?;)*
                }
                $table { $($name,)* }
            }
        }
    };
}

functions! { Functions:
    PQconnectdbParams(*const *const c_char, *const *const c_char, c_int) -> Opaque;
    PQfinish(Opaque);
    PQstatus(Opaque) -> c_int;
    PQtransactionStatus(Opaque) -> c_int;
    PQerrorMessage(Opaque) -> *const c_char;
    PQconnectionNeedsPassword(Opaque) -> c_int;
    PQconnectionUsedPassword(Opaque) -> c_int;
    PQpass(Opaque) -> *const c_char;
    PQserverVersion(Opaque) -> c_int;
    PQparameterStatus(Opaque, *const c_char) -> *const c_char;
    PQsetNoticeProcessor(Opaque, NoticeProcessor, *mut c_void) -> Option<NoticeProcessor>;
    PQexec(Opaque, *const c_char) -> Opaque;
    PQexecParams(
        Opaque, *const c_char, c_int, *const u32, *const *const c_char, *const c_int, *const c_int, c_int
    ) -> Opaque;
    PQgetResult(Opaque) -> Opaque;
    PQresultStatus(Opaque) -> c_int;
    PQresultErrorField(Opaque, c_int) -> *const c_char;
    PQntuples(Opaque) -> c_int;
    PQnfields(Opaque) -> c_int;
    PQgetisnull(Opaque, c_int, c_int) -> c_int;
    PQgetvalue(Opaque, c_int, c_int) -> *const c_char;
    PQgetlength(Opaque, c_int, c_int) -> c_int;
    PQclear(Opaque);
    PQputCopyData(Opaque, *const c_char, c_int) -> c_int;
    PQputCopyEnd(Opaque, *const c_char) -> c_int;
    PQsetnonblocking(Opaque, c_int) -> c_int;
    PQflush(Opaque) -> c_int;
    PQconsumeInput(Opaque) -> c_int;
    PQsocket(Opaque) -> c_int;
    PQgetCopyData(Opaque, *mut *mut c_char, c_int) -> c_int;
    PQfreemem(*mut c_void);
    PQconninfo(Opaque) -> *mut Setting;
    PQconninfoFree(*mut Setting);
    PQhost(Opaque) -> *const c_char;
    PQport(Opaque) -> *const c_char;
    PQgetCancel(Opaque) -> Opaque;
    PQcancel(Opaque, *mut c_char, c_int) -> c_int;
    PQfreeCancel(Opaque);
    lo_create(Opaque, u32) -> u32;
    lo_open(Opaque, u32, c_int) -> c_int;
    lo_write(Opaque, c_int, *const c_char, usize) -> c_int;
    lo_close(Opaque, c_int) -> c_int;
}

// What libpq 17 brought: a cancel that is as well encrypted as its connection.
functions! { CancelFunctions:
    PQcancelCreate(Opaque) -> Opaque;
    PQcancelBlocking(Opaque) -> c_int;
    PQcancelReset(Opaque);
    PQcancelFinish(Opaque);
}

/// A library with these functions.
pub(super) struct Library {
    functions: Functions,
    cancel: Option<CancelFunctions>,
}

impl Library {
    #[cfg(feature = "bundled-libpq")]
    pub(super) fn linked() -> Library {
        Library { functions: Functions::linked(), cancel: Some(CancelFunctions::linked()) }
    }

    #[cfg(not(feature = "bundled-libpq"))]
    pub(super) fn open(path: &std::path::Path) -> Option<Library> {
        // SAFETY: what a library does when it is loaded is its maker's matter. Whoever may put one
        // in these places may also replace the system's.
        let library = unsafe { libloading::Library::new(path) }.ok()?;
        // It stays loaded for as long as the process lives.
        let library: &'static libloading::Library = Box::leak(Box::new(library));
        // SAFETY: a library of this name that has all of these functions is libpq.
        unsafe {
            Some(Library {
                functions: Functions::of(library).ok()?,
                cancel: CancelFunctions::of(library).ok(),
            })
        }
    }
}

/// Hears what a server says below an error.
pub(crate) type OnNotice<'v> = Box<dyn Fn(&[u8]) + Send + 'v>;

/// A `PGconn`. One thread at a time uses it.
pub(super) struct Conn<'v> {
    libpq: &'static Library,
    conn: NonNull<c_void>,
    /// What libpq has the address of.
    notices: Option<Box<OnNotice<'v>>>,
}

// SAFETY: libpq lets any thread use a connection, one at a time; `&mut self` sees to that where
// something is changed. What `notices` holds is `Send`.
unsafe impl Send for Conn<'_> {}

/// Methods that pass numbers to a function of a connection, and give its number.
macro_rules! numbers {
    ($me:ident: $receiver:ty;
     $($name:ident($($arg:ident: $type:ty),*) = $function:ident -> $result:ty;)*) => {
        impl Conn<'_> {
            $(pub(super) fn $name($me: $receiver $(, $arg: $type)*) -> $result {
                // SAFETY: the connection lives.
                unsafe { ($me.libpq.functions.$function)($me.conn.as_ptr() $(, $arg)*) }
            })*
        }
    };
}

numbers! { self: &Self;
    status() = PQstatus -> c_int;
    transaction_status() = PQtransactionStatus -> c_int;
    needs_password() = PQconnectionNeedsPassword -> c_int;
    used_password() = PQconnectionUsedPassword -> c_int;
    server_version() = PQserverVersion -> c_int;
}

numbers! { self: &mut Self;
    set_nonblocking(nonblocking: c_int) = PQsetnonblocking -> c_int;
    flush() = PQflush -> c_int;
    consume_input() = PQconsumeInput -> c_int;
    lo_create(oid: u32) = lo_create -> u32;
    lo_open(oid: u32, mode: c_int) = lo_open -> c_int;
    lo_close(descriptor: c_int) = lo_close -> c_int;
}

/// Methods that give a text of a connection, copied: the next call may change it.
macro_rules! texts {
    ($($name:ident = $function:ident;)*) => {
        impl Conn<'_> {
            $(pub(super) fn $name(&self) -> Vec<u8> {
                // SAFETY: the connection lives, and the text until the next call.
                unsafe { bytes((self.libpq.functions.$function)(self.conn.as_ptr())) }
            })*
        }
    };
}

texts! {
    error_message = PQerrorMessage;
    password = PQpass;
    host = PQhost;
    port = PQport;
}

impl<'v> Conn<'v> {
    /// `None` if there is no memory; otherwise it may have failed.
    pub(super) fn connect(
        libpq: &'static Library,
        keywords: &[&CStr],
        values: &[&CStr],
    ) -> Option<Self> {
        let ended = |texts: &[&CStr]| {
            let texts = texts.iter().take(keywords.len().min(values.len()));
            texts.map(|text| text.as_ptr()).chain([ptr::null()]).collect::<Vec<_>>()
        };
        let (keywords, values) = (ended(keywords), ended(values));
        // SAFETY: two lists of C strings of the same length, ended by NULL, alive until it returns.
        let conn =
            unsafe { (libpq.functions.PQconnectdbParams)(keywords.as_ptr(), values.as_ptr(), 1) };
        Some(Conn { libpq, conn: NonNull::new(conn)?, notices: None })
    }

    fn conn(&self) -> Opaque {
        self.conn.as_ptr()
    }

    fn functions(&self) -> &'static Functions {
        &self.libpq.functions
    }

    pub(super) fn parameter_status(&self, name: &CStr) -> Vec<u8> {
        // SAFETY: the connection lives; the text does until the next call, and is copied.
        unsafe { bytes((self.functions().PQparameterStatus)(self.conn(), name.as_ptr())) }
    }

    pub(super) fn set_notice_processor(&mut self, on_notice: OnNotice<'v>) {
        let on_notice = Box::new(on_notice);
        let address: *const OnNotice<'v> = &*on_notice;
        // SAFETY: the connection lives, and what has this address lives as long: it is dropped
        // after PQfinish, or after the next one was set. libpq calls it from within a call of ours.
        unsafe {
            (self.functions().PQsetNoticeProcessor)(
                self.conn(),
                notice,
                address.cast_mut().cast::<c_void>(),
            );
        }
        self.notices = Some(on_notice);
    }

    pub(super) fn exec(&mut self, sql: &CStr) -> Answer {
        // SAFETY: the connection lives, the text until it returns.
        let result = unsafe { (self.functions().PQexec)(self.conn(), sql.as_ptr()) };
        Answer { libpq: self.libpq, result }
    }

    /// The values are in binary form. `None` if there are more than libpq can count.
    pub(super) fn exec_params(&mut self, sql: &CStr, values: &[Vec<u8>]) -> Option<Answer> {
        let lens: Option<Vec<c_int>> =
            values.iter().map(|value| c_int::try_from(value.len()).ok()).collect();
        let (lens, count) = (lens?, c_int::try_from(values.len()).ok()?);
        let starts: Vec<_> = values.iter().map(|value| value.as_ptr().cast::<c_char>()).collect();
        let binary = vec![1; values.len()];
        // SAFETY: the connection lives, the text and the values until it returns; there are as many
        // addresses, lengths and formats as are said, and NULL for the types lets the server find
        // them.
        let result = unsafe {
            (self.functions().PQexecParams)(
                self.conn(),
                sql.as_ptr(),
                count,
                ptr::null(),
                starts.as_ptr(),
                lens.as_ptr(),
                binary.as_ptr(),
                0,
            )
        };
        Some(Answer { libpq: self.libpq, result })
    }

    pub(super) fn get_result(&mut self) -> Option<Answer> {
        // SAFETY: the connection lives.
        let result = unsafe { (self.functions().PQgetResult)(self.conn()) };
        (!result.is_null()).then_some(Answer { libpq: self.libpq, result })
    }

    /// Lends the next data of a `COPY … TO STDOUT`; `None` if there is none.
    pub(super) fn get_copy_data(&mut self, take: &mut dyn FnMut(&[u8]) -> bool) -> Option<bool> {
        let mut start: *mut c_char = ptr::null_mut();
        // SAFETY: the connection lives. What it gives has so many bytes, and is freed once, after
        // its last use: `take` cannot keep it. If `take` panics, it is never freed.
        unsafe {
            let len = (self.functions().PQgetCopyData)(self.conn(), &raw mut start, 0);
            let len = usize::try_from(len).ok().filter(|_| !start.is_null())?;
            let goes_on = take(std::slice::from_raw_parts(start.cast::<u8>(), len));
            (self.functions().PQfreemem)(start.cast::<c_void>());
            Some(goes_on)
        }
    }

    /// −1 for more data than libpq can count, too.
    pub(super) fn put_copy_data(&mut self, data: &[u8]) -> c_int {
        let Ok(len) = c_int::try_from(data.len()) else { return -1 };
        // SAFETY: the connection lives, and so many bytes are there.
        unsafe {
            (self.functions().PQputCopyData)(self.conn(), data.as_ptr().cast::<c_char>(), len)
        }
    }

    pub(super) fn put_copy_end(&mut self, error: Option<&CStr>) -> c_int {
        let error = error.map_or(ptr::null(), CStr::as_ptr);
        // SAFETY: the connection lives, and the text until it returns; NULL is for success.
        unsafe { (self.functions().PQputCopyEnd)(self.conn(), error) }
    }

    #[cfg(unix)]
    pub(super) fn socket(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        // SAFETY: the connection lives. Its socket does until the next call that changes the
        // connection, for which the borrow has to end.
        unsafe {
            let socket = (self.functions().PQsocket)(self.conn());
            (socket >= 0).then(|| std::os::fd::BorrowedFd::borrow_raw(socket))
        }
    }

    pub(super) fn lo_write(&mut self, descriptor: c_int, data: &[u8]) -> c_int {
        let start = data.as_ptr().cast::<c_char>();
        // SAFETY: the connection lives, and so many bytes are there.
        unsafe { (self.functions().lo_write)(self.conn(), descriptor, start, data.len()) }
    }

    pub(super) fn conninfo(&self) -> Vec<ConnectionOption> {
        let mut options = Vec::new();
        // SAFETY: the connection lives. The list ends with a keyword that is NULL; its texts are
        // copied before it is freed, once.
        unsafe {
            let list = (self.functions().PQconninfo)(self.conn());
            let mut next = list.cast_const();
            while !next.is_null() && !(*next).keyword.is_null() {
                let Setting { keyword, envvar, compiled, val, dispchar, .. } = &*next;
                options.push(ConnectionOption {
                    keyword: bytes(*keyword),
                    variable: bytes(*envvar),
                    default: (!compiled.is_null()).then(|| bytes(*compiled)),
                    value: (!val.is_null()).then(|| bytes(*val)),
                    display: bytes(*dispchar),
                });
                next = next.add(1);
            }
            (self.functions().PQconninfoFree)(list);
        }
        options
    }

    /// What cancels this connection's query, from any thread.
    pub(super) fn canceller(&self) -> Option<Canceller> {
        // SAFETY: the connection lives. What is made is a copy of its addresses and keys.
        let handle = unsafe {
            match &self.libpq.cancel {
                Some(functions) => {
                    Handle::New(NonNull::new((functions.PQcancelCreate)(self.conn()))?)
                }
                None => Handle::Old(NonNull::new((self.functions().PQgetCancel)(self.conn()))?),
            }
        };
        Some(Canceller { libpq: self.libpq, handle: Mutex::new(handle) })
    }
}

impl Drop for Conn<'_> {
    fn drop(&mut self) {
        // SAFETY: it lived until now; nobody has it after this.
        unsafe { (self.functions().PQfinish)(self.conn()) };
    }
}

/// A setting of a connection, as libpq tells of it. Texts that are not there are empty, but for
/// those that can be empty by themselves.
pub(super) struct ConnectionOption {
    pub(super) keyword: Vec<u8>,
    pub(super) variable: Vec<u8>,
    pub(super) default: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) display: Vec<u8>,
}

/// A `PGresult`, or NULL, which libpq takes for a failure without rows.
pub(super) struct Answer {
    libpq: &'static Library,
    result: Opaque,
}

impl Answer {
    pub(super) fn status(&self) -> c_int {
        // SAFETY: the result lives, or is NULL.
        unsafe { (self.libpq.functions.PQresultStatus)(self.result) }
    }

    pub(super) fn error_field(&self, field: c_int) -> Vec<u8> {
        // SAFETY: the result lives, or is NULL; so does its text, which is copied.
        unsafe { bytes((self.libpq.functions.PQresultErrorField)(self.result, field)) }
    }

    pub(super) fn rows(&self) -> Rows {
        let functions = &self.libpq.functions;
        // SAFETY: the result lives, or is NULL, which has no rows. Rows and columns are those that it
        // has; a value has so many bytes.
        unsafe {
            let rows = (functions.PQntuples)(self.result);
            let columns = (functions.PQnfields)(self.result);
            let value = |row, column| {
                if (functions.PQgetisnull)(self.result, row, column) != 0 {
                    return None;
                }
                let start = (functions.PQgetvalue)(self.result, row, column).cast::<u8>();
                let len = (functions.PQgetlength)(self.result, row, column);
                let len = usize::try_from(len).unwrap_or(0);
                Some(std::slice::from_raw_parts(start, len).to_vec())
            };
            (0..rows).map(|row| (0..columns).map(|column| value(row, column)).collect()).collect()
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: it lived until now, or is NULL, of which nothing is freed; nobody has it after this.
        unsafe { (self.libpq.functions.PQclear)(self.result) };
    }
}

extern "C" fn notice(to: *mut c_void, message: *const c_char) {
    // SAFETY: `to` is what `on_notice` gave, which lives; the message lives until this returns.
    let (to, message) = unsafe { (&*to.cast::<OnNotice<'_>>(), bytes(message)) };
    // A panic must not go through libpq.
    let _ = catch_unwind(AssertUnwindSafe(|| to(&message)));
}

/// # Safety
///
/// NULL, or the address of a C string.
unsafe fn bytes(text: *const c_char) -> Vec<u8> {
    if text.is_null() {
        return Vec::new();
    }
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(text) }.to_bytes().to_vec()
}

/// Cancels the query of a connection, which may be gone by then.
pub(crate) struct Canceller {
    libpq: &'static Library,
    handle: Mutex<Handle>,
}

#[derive(Clone, Copy)]
enum Handle {
    Old(NonNull<c_void>),
    New(NonNull<c_void>),
}

// SAFETY: libpq lets any thread use these; the mutex sees that it is one at a time.
unsafe impl Send for Handle {}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canceller")
    }
}

impl Canceller {
    /// Asks the server to cancel; waits until it has heard it, not until it is done.
    pub(crate) fn cancel(&self) {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        match *handle {
            Handle::Old(cancel) => {
                let mut message = [0_u8; 256];
                let len = c_int::try_from(message.len()).unwrap_or(0);
                let start = message.as_mut_ptr().cast::<c_char>();
                // SAFETY: it lives, and so many bytes are there.
                unsafe { (self.libpq.functions.PQcancel)(cancel.as_ptr(), start, len) };
            }
            Handle::New(cancel) => {
                if let Some(functions) = &self.libpq.cancel {
                    // SAFETY: it lives, and the lock is held.
                    unsafe {
                        (functions.PQcancelBlocking)(cancel.as_ptr());
                        // For the next time.
                        (functions.PQcancelReset)(cancel.as_ptr());
                    }
                }
            }
        }
    }
}

impl Drop for Canceller {
    fn drop(&mut self) {
        let handle = self.handle.get_mut().unwrap_or_else(PoisonError::into_inner);
        match (*handle, &self.libpq.cancel) {
            // SAFETY: it lived until now; nobody has it after this.
            (Handle::Old(cancel), _) => unsafe {
                (self.libpq.functions.PQfreeCancel)(cancel.as_ptr());
            },
            // SAFETY: it lived until now; nobody has it after this.
            (Handle::New(cancel), Some(functions)) => unsafe {
                (functions.PQcancelFinish)(cancel.as_ptr());
            },
            (Handle::New(_), None) => {}
        }
    }
}
