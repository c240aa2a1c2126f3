//! How a connection was made, so that another program can make one like it.

use super::ffi::ConnectionOption;
use super::raw::Raw;

/// Values by their keywords.
type Settings = Vec<(Vec<u8>, Vec<u8>)>;

impl Raw<'_> {
    /// The settings of the connection, without what libpq takes by itself, and those that are
    /// secret, but for the password. Of several hosts it is the one that was connected to.
    pub(crate) fn settings(&self) -> (Settings, Settings) {
        let (mut all, mut secrets) = (Settings::new(), Settings::new());
        for ConnectionOption { keyword, variable, default, value, display } in
            self.conn().conninfo()
        {
            let Some(value) = value else { continue };
            // libpq does not mark the keys of SCRAM (since 18) as what they are.
            let is_secret = display.contains(&b'*') || keyword.starts_with(b"scram_");
            // libpq fills this one in later (since 16), and older programs do not know it.
            let is_filled_in = keyword == b"sslcertmode" && value == b"allow";
            let is_default = is_filled_in || default.is_some_and(|default| value == default);
            let variable = String::from_utf8(variable).unwrap_or_default();
            let is_set = !variable.is_empty() && std::env::var_os(variable).is_some();
            if !is_default || is_set {
                match is_secret {
                    false => all.push((keyword, value)),
                    true if keyword == b"password" => {}
                    true => secrets.push((keyword, value)),
                }
            }
        }
        let several = all.iter().any(|(name, value)| name == b"hostaddr" && value.contains(&b','));
        let is_by_address = !several && all.iter().any(|(name, _)| name == b"hostaddr");
        all.retain(|(name, _)| {
            !matches!(&name[..], b"port")
                && (is_by_address || !matches!(&name[..], b"host" | b"hostaddr"))
        });
        if !is_by_address {
            all.push((b"host".to_vec(), self.conn().host()));
        }
        all.push((b"port".to_vec(), self.conn().port()));
        (all, secrets)
    }
}
