//! Medians, ratios, the tables and the JSON lines.

use crate::{
    framework::{Framework, postbox::Postbox},
    options::Options,
    plan::{Benchmark, Rt, Sample},
};

/// The samples of one (benchmark, framework).
pub struct Row {
    benchmark: &'static Benchmark,
    framework: &'static str,
    /// Operations per second, a round each.
    values: Vec<f64>,
}

impl Row {
    pub fn new(benchmark: &'static Benchmark, framework: &'static str) -> Self {
        Self { benchmark, framework, values: Vec::new() }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    pub fn add(&mut self, sample: Sample) {
        self.values.push(sample.operations as f64 / sample.took.as_secs_f64());
    }

    /// Own value to that of postbox, round by round.
    fn ratios(&self, rows: &[Self]) -> Option<Vec<f64>> {
        let is_base = |row: &&Self| row.is_of(self.benchmark) && row.framework == <Postbox>::NAME;
        let base = rows.iter().find(is_base)?;
        Some(self.values.iter().zip(&base.values).map(|(own, base)| own / base).collect())
    }

    fn is_of(&self, benchmark: &Benchmark) -> bool {
        self.benchmark.name == benchmark.name
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

pub fn print(rows: &[Row], rt: Rt, options: &Options) {
    if options.json {
        rows.iter().for_each(|row| json(row, rows, rt));
    } else {
        table(rows, rt, options);
    }
}

fn json(row: &Row, rows: &[Row], rt: Rt) {
    let ratio =
        row.ratios(rows).map_or_else(|| "null".to_owned(), |ratios| format!("{:.4}", median(&ratios)));
    println!(
        r#"{{"benchmark":"{}","framework":"{}","rt":"{}","value":{:.3},"unit":"ops/s","ratio_to_postbox":{ratio}}}"#,
        row.benchmark.name,
        row.framework,
        rt.name(),
        median(&row.values),
    );
}

/// A line for each benchmark: postbox first, and how often faster it is than each of the others.
fn table(rows: &[Row], rt: Rt, options: &Options) {
    let mut frameworks: Vec<&str> = Vec::new();
    for row in rows {
        if !frameworks.contains(&row.framework) {
            frameworks.push(row.framework);
        }
    }
    print!("| {} | one operation |", rt.title());
    frameworks.iter().for_each(|framework| print!(" {framework} |"));
    print!("\n|---|---|");
    frameworks.iter().for_each(|_| print!("---:|"));
    println!();
    let mut last = "";
    for Row { benchmark, .. } in rows {
        if last == benchmark.name {
            continue;
        }
        last = benchmark.name;
        print!("| {} | {} |", benchmark.name, benchmark.operation);
        for row in rows.iter().filter(|row| row.is_of(benchmark)) {
            print!(" {} |", cell(row, rows));
        }
        println!();
    }
    println!(
        "\nOperations per second, medians of {} rounds; in brackets how many times faster postbox is, the median \
         of the rounds' ratios, with the least and the greatest.\n",
        options.rounds
    );
}

fn cell(row: &Row, rows: &[Row]) -> String {
    let value = short(median(&row.values));
    match row.ratios(rows) {
        Some(ratios) if row.framework != <Postbox>::NAME => {
            let faster: Vec<_> = ratios.iter().map(|ratio| 1.0 / ratio).collect();
            let least = faster.iter().copied().fold(f64::INFINITY, f64::min);
            let greatest = faster.iter().copied().fold(0.0, f64::max);
            let median = median(&faster);
            // Where postbox is behind.
            let mark = if median < 1.0 { "**" } else { "" };
            format!("{value} ({mark}{median:.2}×{mark}, {least:.2}–{greatest:.2})")
        }
        _ => value,
    }
}

fn short(value: f64) -> String {
    if value >= 1e6 { format!("{:.2} M", value / 1e6) } else { format!("{:.1} k", value / 1e3) }
}
