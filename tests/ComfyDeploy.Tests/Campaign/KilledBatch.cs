using System.Diagnostics;
using System.Globalization;
using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>
/// A batch whose process is killed at random points and started again, while the service has faults. Its time stands still while no process
/// runs, so that an intent is as old as the calls and not as the machine is slow.
/// </summary>
internal sealed class KilledBatch : IDisposable
{
    // Of a row: its create, one read, its download, and a share of the lists; its lines have more than a kilobyte.
    private const int RequestsOfRow = 3;
    private const int BytesOfRow = 1000;

    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(180);
    private static readonly TimeSpan LookUp = TimeSpan.FromSeconds(60);

    private readonly Random _random;
    private readonly int _rows;
    private readonly StoppableTime _time = new();
    private readonly TemporaryFolder _folder = new();
    private readonly ComfyEmulator _emulator;
    private readonly long _began = Stopwatch.GetTimestamp();
    private int _calls;
    private int _killed;
    private int _requests;
    private int _faults;
    private int _lookedUp;
    private int _young;
    private int _older;

    internal KilledBatch(int seed, int rows)
    {
        (_random, _rows) = (new(seed), rows);
        _emulator = ComfyEmulator.Start(new() { Speed = ScaledClient.Speed, RandomSeed = seed, Elapsed = () => _time.Elapsed });
    }

    private string Manifest => Path.Combine(_folder.Path, "night.jsonl");

    private string Renders => Path.Combine(_folder.Path, "renders");

    private int RequestCount => _emulator.Requests.Count;

    public void Dispose()
    {
        _emulator.Dispose();
        _folder.Dispose();
    }

    /// <summary>What happened, in numbers.</summary>
    internal string Figures() => string.Create(CultureInfo.InvariantCulture,
        $"{_killed} kills, {_calls} calls, {_requests} requests, {_faults} faults, {Stopwatch.GetElapsedTime(_began).TotalSeconds:0} s " +
        $"({_time.Elapsed.TotalSeconds:0} s without the start of processes), {_emulator.Runs.Count} runs, {Directory.GetFiles(Renders).Length} files. " +
        $"Runs that were not in the journal after a call: {_young} of young intents, {_older} of others.");

    /// <summary>Kills calls at random points, so many times.</summary>
    internal async Task KillAsync(int times)
    {
        int most = times * 3;
        while (_killed < times)
        {
            Assert.True(_calls < most, $"Only {_killed} of {_calls} calls lasted until they were killed.");
            await CallAsync(KillPoint(times));
        }
    }

    /// <summary>Calls until there is nothing left to do.</summary>
    internal async Task FinishAsync(int most)
    {
        for (int call = 0; call < most; call++)
        {
            int creates = CreateCount();
            string output = await CallAsync(isReached: null);
            bool isDone = output.Contains($"ended: {_rows} runs, {_rows} files, 0 errors", StringComparison.Ordinal);
            if (isDone && CreateCount() == creates) return;
            if (call == most - 1) Assert.Fail($"Something is left after {most} calls.{Environment.NewLine}{output}");
        }
    }

    /// <summary>One run and one file for each row, and nothing else.</summary>
    internal void AssertComplete()
    {
        _emulator.ClearFaults();
        // What was held on its way arrives.
        _emulator.Advance(TimeSpan.FromHours(1));
        EmulatorRun[] runs = [.. _emulator.Runs];
        string[] prompts = [.. Enumerable.Range(1, _rows).Select(n => $"fox {n}")];
        Assert.Equal(prompts.Order(StringComparer.Ordinal), runs.Select(run => Books.PromptOf(run.Inputs)).Order(StringComparer.Ordinal));
        Books books = new([_emulator]);
        Assert.Equal(prompts.Select(FileOf).Order(StringComparer.Ordinal), Directory.EnumerateFileSystemEntries(Renders).Order(StringComparer.Ordinal));
        Assert.All(runs, run => Assert.Equal(books.BytesOf(run.RunId, 0), File.ReadAllBytes(FileOf(Books.PromptOf(run.Inputs)))));
    }

    private string FileOf(string prompt) => Path.Combine(Renders, $"s{prompt["fox ".Length..]}.png");

    private int CreateCount() => _emulator.Requests.Count(request => request.Method == "POST");

    /// <summary>A number of requests, or a length of the journal, that the next call is to reach.</summary>
    private Func<bool> KillPoint(int times)
    {
        if (_random.Next(2) == 0)
        {
            int requests = RequestCount + _random.Next(1, _rows * RequestsOfRow / times);
            return () => RequestCount >= requests;
        }
        long length = JournalLength() + _random.Next(1, _rows * BytesOfRow / times);
        return () => JournalLength() >= length;
    }

    private long JournalLength() => new FileInfo(Manifest) is { Exists: true } file ? file.Length : 0;

    private async Task<string> CallAsync(Func<bool>? isReached)
    {
        _calls++;
        BatchJournal before = BatchJournal.Read(Manifest);
        _emulator.ClearFaults();
        PlannedRouteFault[] plan = [.. RandomFaults.Plan(_random, requests: 4 * _rows)];
        foreach (PlannedRouteFault fault in plan) _emulator.AddFault(fault.ToString());
        int requestsBefore = RequestCount;
        using CancellationTokenSource limit = new(CallLimit);
        using BatchProcess process = new(_emulator, _folder, Manifest, Renders, _rows);
        try
        {
            await process.LoadAsync(limit.Token);
            _time.Start();
            process.Begin();
            while (!process.HasExited && isReached?.Invoke() != true) await Task.Delay(1, limit.Token);
            if (!process.HasExited)
            {
                process.Kill();
                _killed++;
            }
            _time.Stop();
            await process.ExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"Call {_calls} did not end within {CallLimit}.{Environment.NewLine}{process.Output}");
        }
        finally
        {
            _time.Stop();
        }
        string output = process.Output;
        EmulatorRequest[] requests = [.. _emulator.Requests.Skip(requestsBefore)];
        _requests += requests.Length;
        _faults += RandomFaults.CountMet(plan, requests);
        BatchJournal after = BatchJournal.Read(Manifest);
        // It queues nothing before it has looked for the runs of all intents that it found.
        if (after.LastIntent > before.LineCount) _lookedUp = before.LineCount;
        string[] broken = [.. Broken(after, output)];
        Assert.True(broken.Length == 0, $"After call {_calls}:{Environment.NewLine}{string.Join(Environment.NewLine, broken)}{Environment.NewLine}{output}");
        return output;
    }

    /// <summary>What the journal of a call that has ended, however it did, should have and has not.</summary>
    private IEnumerable<string> Broken(BatchJournal journal, string output)
    {
        foreach (string broken in journal.Broken) yield return broken;
        DateTime now = _emulator.Now;
        foreach (EmulatorRun run in _emulator.Runs.Where(run => !journal.Runs.Contains(run.RunId)))
        {
            string prompt = Books.PromptOf(run.Inputs);
            bool isIntended = journal.Open.TryGetValue(prompt, out BatchJournal.Intent? intent);
            bool isYoung = isIntended && now - intent!.At < LookUp;
            // Nobody has looked for an older one since it was written, or the look-up failed: the next call looks again.
            bool isExcused = isIntended && (intent!.Line > _lookedUp || output.Contains("recorded it without an answer", StringComparison.Ordinal));
            if (isYoung) _young++;
            else if (isExcused) _older++;
            else yield return $"run {run.RunId} of '{prompt}', made at {run.CreatedAt:O}, is not in the journal{(isIntended ? $"; intent at {intent!.At:O}" : "")}, now {now:O}";
        }
    }

    /// <summary>Time that can stand still.</summary>
    private sealed class StoppableTime
    {
        private readonly Lock _gate = new();
        private readonly Stopwatch _watch = new();

        internal TimeSpan Elapsed
        {
            get
            {
                lock (_gate) return _watch.Elapsed;
            }
        }

        internal void Start()
        {
            lock (_gate) _watch.Start();
        }

        internal void Stop()
        {
            lock (_gate) _watch.Stop();
        }
    }
}
