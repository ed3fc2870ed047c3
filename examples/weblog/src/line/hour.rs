//! The hour of a log line.

use std::fmt;

use super::number;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Names one hour on a server's clock.
///
/// It is kept as the server wrote it, zone included. Turned into UTC, the hours of a zone at a half hour
/// would be cut in two; without the zone, the two hours at the end of summer time would be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Hour {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    /// The zone as it is written: hours × 100 + minutes, negative west of Greenwich.
    zone: i16,
}

impl Hour {
    /// The length of a time in bytes: `22/Nov/2026:15:40:15 +0000`.
    pub(crate) const TIME_LEN: usize = 26;

    /// Reads the hour of a time, and returns `None` if it is no time.
    pub(crate) fn parse(time: &[u8]) -> Option<Self> {
        let time: &[u8; Self::TIME_LEN] = time.try_into().ok()?;
        let separators = [(2, b'/'), (6, b'/'), (11, b':'), (14, b':'), (17, b':'), (20, b' ')];
        if separators.iter().any(|&(at, byte)| time[at] != byte) {
            return None;
        }
        let year = u16::try_from(number(&time[7..11])?).ok()?;
        let month = u8::try_from(MONTHS.iter().position(|name| *name == &time[3..6])? + 1).ok()?;
        let day = two_digits(&time[0..2], 31)?;
        let hour = two_digits(&time[12..14], 23)?;
        let _minute = two_digits(&time[15..17], 59)?;
        // 60: a leap second.
        let _second = two_digits(&time[18..20], 60)?;
        let offset =
            i16::from(two_digits(&time[22..24], 23)?) * 100 + i16::from(two_digits(&time[24..26], 59)?);
        let zone = match time[21] {
            b'+' => offset,
            b'-' => -offset,
            _ => return None,
        };
        (day > 0).then_some(Self { year, month, day, hour, zone })
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, zone } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}h {zone:+05}")
    }
}

fn two_digits(digits: &[u8], max: u8) -> Option<u8> {
    u8::try_from(number(digits)?).ok().filter(|&number| number <= max)
}
