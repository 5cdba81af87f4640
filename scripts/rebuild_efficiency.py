"""Write the efficiency table of 2022 anew from the published Z' limit: `python scripts/rebuild_efficiency.py`."""

from __future__ import annotations

from pathlib import Path

from na64stat.yields.calibration import efficiency_from_limit

DATA = Path(__file__).parents[1] / "na64stat" / "experiment" / "data"


def main() -> None:
    """Rebuild `efficiency_2022.csv` in the source tree."""
    path = DATA / "efficiency_2022.csv"
    efficiency = efficiency_from_limit(DATA / "zprime_limit_2022.csv", DATA / "2022.toml")
    path.write_text(efficiency.to_csv(), encoding="utf-8")
    low, high = min(efficiency.values), max(efficiency.values)
    print(f"{path.name}: {low:.4f} to {high:.4f}, {len(efficiency.point_masses)} points")


if __name__ == "__main__":
    main()
