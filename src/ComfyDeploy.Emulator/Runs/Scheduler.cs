using ComfyDeploy.Emulator.Seed;

namespace ComfyDeploy.Emulator.Runs;

/// <summary>
/// Assigns each machine's slots to the runs that wait for one. There is no timer: every read of the runs first processes what has
/// happened since the last read, event by event in chronological order.
/// </summary>
internal sealed class Scheduler(Action<Run> ended)
{
    private readonly Dictionary<Guid, Lane> _lanes = [];

    public void Add(Run run)
    {
        if (run.Script.RefusedAtCreate || run.Script.StuckAt == "not-started") return;
        if (run.Script.Endless)
        {
            // It would keep its slot forever and starve the others.
            run.Take(run.CreatedAt + run.Script.Queue);
            return;
        }

        LaneOf(run.Machine).Waiting.Add(run);
    }

    public void Remove(Run run, DateTime at)
    {
        Lane lane = LaneOf(run.Machine);
        lane.Waiting.Remove(run);
        if (lane.Active.Remove(run)) lane.Free(at);
    }

    public void Settle(DateTime now)
    {
        foreach (Lane lane in _lanes.Values)
        {
            while (lane.Next(now)) { }
        }
    }

    private Lane LaneOf(SeedMachine machine)
    {
        if (!_lanes.TryGetValue(machine.Id, out Lane? lane)) _lanes[machine.Id] = lane = new Lane(machine.Concurrency, ended);
        return lane;
    }

    private sealed class Lane(int places, Action<Run> ended)
    {
        /// <summary>The time since which each free slot is free.</summary>
        private readonly List<DateTime> _free = Enumerable.Repeat(DateTime.MinValue, places).ToList();

        public List<Run> Waiting { get; } = [];

        public List<Run> Active { get; } = [];

        public void Free(DateTime since) => _free.Add(since);

        /// <summary>Processes the next event that is due; false when there is none.</summary>
        public bool Next(DateTime now)
        {
            Run? ending = Earliest(Active, run => run.EndsAt!.Value);
            Run? starting = _free.Count > 0 ? Earliest(Waiting, StartOf) : null;
            if (ending is not null && ending.EndsAt <= now && (starting is null || ending.EndsAt <= StartOf(starting)))
            {
                Active.Remove(ending);
                Free(ending.EndsAt!.Value);
                ended(ending);
                return true;
            }

            if (starting is null || StartOf(starting) > now) return false;
            DateTime start = StartOf(starting);
            _free.Remove(_free.Min());
            Waiting.Remove(starting);
            starting.Take(start);
            Active.Add(starting);
            return true;
        }

        private DateTime StartOf(Run run)
        {
            DateTime ready = run.CreatedAt + run.Script.Queue;
            DateTime free = _free.Min();
            return ready > free ? ready : free;
        }

        // The first of equals, which was created first.
        private static Run? Earliest(List<Run> runs, Func<Run, DateTime> time)
        {
            Run? earliest = null;
            foreach (Run run in runs)
            {
                if (earliest is null || time(run) < time(earliest)) earliest = run;
            }

            return earliest;
        }
    }
}
