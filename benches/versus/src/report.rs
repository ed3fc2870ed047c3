//! Medians, ratios, the table and the JSON lines.

use crate::{
    framework::{Framework, postbox::Postbox},
    options::Options,
    plan::{Sample, Unit, Workload},
};

/// The samples of one (workload, framework).
pub struct Row {
    workload: &'static str,
    unit: Unit,
    framework: &'static str,
    values: Vec<f64>,
}

impl Row {
    pub fn new(workload: &Workload, framework: &'static str) -> Self {
        Self { workload: workload.name, unit: workload.unit, framework, values: Vec::new() }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    pub fn add(&mut self, sample: Sample) {
        self.values.push(match (sample, self.unit) {
            (Sample::Time { ops, took }, Unit::OpsPerSecond) => ops as f64 / took.as_secs_f64(),
            (Sample::Time { ops, took }, Unit::Micros) => took.as_secs_f64() * 1e6 / ops as f64,
            (Sample::Heap { actors, bytes }, Unit::Bytes) => bytes as f64 / actors as f64,
            _ => unreachable!("a workload measures what its unit says"),
        });
    }

    /// Those who did better in the same workload; by ratio, if there is one, since that is what rounds share.
    fn behind<'a>(&self, rows: &'a [Self]) -> Vec<&'a str> {
        let mark = |row: &Self| row.ratio(rows).map_or_else(|| median(&row.values), |ratio| ratio.median);
        let better = |row: &&Self| match self.unit {
            Unit::OpsPerSecond => mark(row) > mark(self),
            Unit::Bytes | Unit::Micros => mark(row) < mark(self),
        };
        let rivals = rows.iter().filter(|row| row.workload == self.workload);
        rivals.filter(better).map(|row| row.framework).collect()
    }

    /// The median of the rounds' ratios to raw, and the least and the greatest of them.
    fn ratio(&self, rows: &[Self]) -> Option<Ratio> {
        let raw = rows.iter().find(|row| row.workload == self.workload && row.framework == "raw")?;
        let ratios: Vec<_> = self.values.iter().zip(&raw.values).map(|(own, raw)| own / raw).collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = ratios.iter().copied().fold(0.0, f64::max);
        Some(Ratio { median: median(&ratios), least, greatest })
    }
}

struct Ratio {
    median: f64,
    least: f64,
    greatest: f64,
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

pub fn print(rows: &[Row], options: &Options) {
    if !options.json {
        println!(
            "{:<15} {:<19} {:>16} {:>8}  {:<15}",
            "workload", "framework", "median", "to raw", "least–greatest"
        );
    }
    for row in rows {
        let value = median(&row.values);
        let ratio = row.ratio(rows);
        if options.json {
            json(row, value, ratio.as_ref(), options)
        } else {
            let behind = if row.framework == <Postbox>::NAME { row.behind(rows) } else { Vec::new() };
            line(row, value, ratio.as_ref(), &behind)
        }
    }
    if !options.json {
        println!(
            "{} rounds, runtime {}; ops/s: more is better; B and us: less is better",
            options.rounds,
            options.rt.name()
        );
    }
}

fn line(row: &Row, value: f64, ratio: Option<&Ratio>, behind: &[&str]) {
    let value = match row.unit {
        Unit::OpsPerSecond => format!("{:.2} M", value / 1e6),
        Unit::Bytes => format!("{value:.0}"),
        Unit::Micros => format!("{value:.2}"),
    };
    let (median, spread) = match ratio {
        Some(Ratio { median, least, greatest }) => {
            (format!("{median:.2}×"), format!("{least:.2}–{greatest:.2}"))
        }
        None => ("–".to_owned(), String::new()),
    };
    let verdict = if behind.is_empty() { String::new() } else { format!("behind {}", behind.join(", ")) };
    let value = format!("{value} {}", row.unit.name());
    let text =
        format!("{:<15} {:<19} {value:>16} {median:>8}  {spread:<15} {verdict}", row.workload, row.framework);
    println!("{}", text.trim_end());
}

fn json(row: &Row, value: f64, ratio: Option<&Ratio>, options: &Options) {
    let ratio = ratio.map_or_else(|| "null".to_owned(), |ratio| format!("{:.4}", ratio.median));
    println!(
        r#"{{"workload":"{}","framework":"{}","rt":"{}","value":{value:.3},"unit":"{}","ratio_to_raw":{ratio}}}"#,
        row.workload,
        row.framework,
        options.rt.name(),
        row.unit.name(),
    );
}
