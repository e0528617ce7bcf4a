using System.Text;
using System.Text.Json;
using ComfyDeploy.Client;
using ComfyDeploy.Tests.Engine;
using ComfyDeploy.Text;
using CsCheck;

namespace ComfyDeploy.Tests.Client;

/// <summary>The journal of a batch: what it has after any end, who may open it, and what is never in it.</summary>
public sealed class ManifestTests : IDisposable
{
    private const string RunId = ClientUnderTest.RunId;
    private static readonly ComfyConnection Connection = ClientUnderTest.Connect();
    private readonly TemporaryFolder _folder = new();
    private readonly RecordingLog _log = new();

    private string FilePath => Path.Combine(_folder.Path, "night.jsonl");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_row_is_read_back_with_all_that_is_known_of_it()
    {
        RowKey key = Key(1);
        using (Manifest manifest = Open())
        {
            await IntendAsync(manifest, key);
            Assert.Equal(RowState.Intended, manifest.Find(key)!.State);
            manifest.Queued(key, RunId, _log);
            ComfyRun queued = manifest.Text.ToRun(manifest.Find(key)!, Connection);
            Assert.Equal((RunId, "not-started", "a"), (queued.RunId, queued.Status, queued.Label));
            ComfyRun ended = new() { RunId = RunId, Status = "success", EstimatedCost = 0.25m, EndedAt = DateTime.UnixEpoch.ToLocalTime(), RunSeconds = 1.5, RecordedOutputCount = 2 };
            manifest.Ended(key, ended, _log);
            manifest.Saved(key, new(RunId, 1, "image", Path.Combine(_folder.Path, "out", "a.png"), 7), _log);
        }
        using Manifest again = Open();
        ManifestRow row = Assert.Single(again.Rows);
        Assert.True(row.IsDone);
        Assert.True(again.HasRun(RunId.ToUpperInvariant()));
        ComfyRun run = again.Text.ToRun(row, Connection);
        Assert.Equal(("success", 0.25m, 2, 1.5, DateTime.UnixEpoch.ToLocalTime()), (run.Status, run.EstimatedCost, run.OutputCount, run.RunSeconds, run.EndedAt));
        Assert.Equal(("portrait/production", """{"prompt":"fox"}"""), (run.DeploymentName, run.InputsJson));
        Assert.Equal(Path.Combine(_folder.Path, "out", "a.png"), Assert.Single(again.Text.ReadSaved(row)).Path);
        Assert.Contains("\"path\":\"out/a.png\"", File.ReadAllText(FilePath), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_belongs_to_the_last_output_that_was_saved_there()
    {
        string other = RunId.Replace('1', '2');
        SavedFile File(string run, int index, string name) => new(run, index, "image", Path.Combine(_folder.Path, name), 7);
        using (Manifest manifest = Open())
        {
            foreach ((int row, string run) in new[] { (1, RunId), (2, other) })
            {
                await IntendAsync(manifest, Key(row));
                manifest.Queued(Key(row), run, _log);
            }
            manifest.Saved(Key(1), File(RunId, 0, "a.png"), _log);
            manifest.Saved(Key(1), File(RunId, 1, "b.png"), _log);
            manifest.Saved(Key(2), File(other, 0, "A.png"), _log);
            AssertOwners(manifest);
        }
        using Manifest again = Open();
        AssertOwners(again);

        static void AssertOwners(Manifest manifest) => Assert.Equal(
            [(1, 1, "b.png"), (2, 0, "A.png")],
            manifest.Rows.SelectMany(row => manifest.Text.ReadSaved(row).Select(file => (row.Key.Occurrence, file.Index, Path.GetFileName(file.Path)))).Order());
    }

    [Fact]
    public async Task A_path_that_is_not_valid_is_not_recorded()
    {
        using Manifest manifest = Open();
        await IntendAsync(manifest, Key(1));
        manifest.Queued(Key(1), RunId, _log);
        manifest.Saved(Key(1), new(RunId, 0, "image", "a\0b.png", 7), _log);
        manifest.Saved(Key(1), new(RunId, 1, "image", "c.png", 7), _log);
        Assert.Equal(1, Assert.Single(manifest.Text.ReadSaved(Assert.Single(manifest.Rows))).Index);
    }

    [Fact]
    public async Task A_run_that_a_time_limit_cancels_is_not_done()
    {
        using Manifest manifest = Open();
        await IntendAsync(manifest, Key(1));
        manifest.Queued(Key(1), RunId, _log);
        manifest.Stopping(Key(1), RunId, _log);
        manifest.Ended(Key(1), new() { RunId = RunId, Status = "cancelled" }, _log);
        Assert.False(manifest.Find(Key(1))!.IsDone);
        await IntendAsync(manifest, Key(1), attempt: 2);
        Assert.Equal((RowState.Intended, 2, null), (manifest.Find(Key(1))!.State, manifest.Find(Key(1))!.Attempt, manifest.Find(Key(1))!.RunId));
        Assert.True(manifest.HasRun(RunId));
    }

    [Fact]
    public void Cut_at_any_byte_it_has_the_rows_of_the_whole_lines_before()
    {
        Gen.Select(Gen.Int[1, 3], Gen.Int[1, 3], Gen.Int[0, 5]).Array[0, 8].Sample(events =>
        {
            byte[] header = Encoding.UTF8.GetBytes(ManifestHeader.Write(Connection, DateTime.UnixEpoch) + "\n");
            string[] lines = [.. events.Select(e => EventLine(Key(e.Item1), $"00000000-0000-4000-8000-00000000000{e.Item2}", e.Item3))];
            byte[] file = [.. header, .. lines.SelectMany(line => Encoding.UTF8.GetBytes(line + "\n"))];
            for (int cut = 0; cut <= file.Length; cut++)
            {
                ManifestState actual = new(), expected = new();
                long end = ManifestScan.Read(new MemoryStream(file, 0, cut), "x", Connection, actual);
                long at = header.Length;
                foreach (string line in lines.TakeWhile(line => at + line.Length + 1 <= cut))
                {
                    Assert.True(expected.TryApply(Encoding.UTF8.GetBytes(line), at));
                    at += line.Length + 1;
                }
                Assert.Equal(cut < header.Length ? 0 : at, end);
                Assert.Equal(expected.Rows.Select(Describe), actual.Rows.Select(Describe));
            }
        }, iter: 100, threads: 1);
    }

    [Fact]
    public async Task Half_a_line_is_cut_and_a_damaged_line_before_it_is_an_error()
    {
        using (Manifest manifest = Open()) await IntendAsync(manifest, Key(1));
        File.AppendAllText(FilePath, "{\"event\":\"que\0\0");
        using (Manifest manifest = Open())
        {
            Assert.Single(manifest.Rows);
            await IntendAsync(manifest, Key(2));
        }
        Assert.DoesNotContain("que", File.ReadAllText(FilePath), StringComparison.Ordinal);
        File.WriteAllLines(FilePath, File.ReadLines(FilePath).Select((line, index) => index == 1 ? line[..^1] : line).ToArray());
        Assert.Contains("Line 2", Fails(ErrorIds.ManifestInvalid, FilePath).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("prompt,seed")]
    [InlineData("prompt,seed\n1,2\n")]
    [InlineData("{\"manifest\":2}\n")]
    [InlineData("[]\n")]
    public void Another_file_is_refused_and_not_changed(string text)
    {
        File.WriteAllText(FilePath, text);
        Fails(ErrorIds.ManifestInvalid, FilePath);
        Assert.Equal(text, File.ReadAllText(FilePath));
    }

    [Theory]
    [InlineData("https://service.test/api", "other", null)]
    [InlineData("https://service.test/api", "user", "org")]
    [InlineData("https://other.test/api", "user", null)]
    public void The_manifest_of_another_account_is_refused(string baseUri, string user, string? org)
    {
        Manifest.Open(FilePath, Of("https://service.test/api", "user", null), new ManualClock()).Dispose();
        string message = Fails(ErrorIds.ManifestMismatch, FilePath, Of(baseUri, user, org)).Message;
        Assert.Contains("user user, organization none at https://service.test/api", message, StringComparison.Ordinal);
        Assert.Contains($"user {user}, organization {org ?? "none"} at {baseUri}", message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_process_shares_it_and_a_second_one_is_refused()
    {
        using (Manifest first = Open())
        {
            using Manifest second = Open();
            Assert.Same(first, second);
        }
        using FileStream other = new(FilePath + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        Fails(ErrorIds.ManifestInUse, FilePath);
    }

    [Fact]
    public void What_cannot_be_written_is_refused()
    {
        Fails(ErrorIds.ManifestUnwritable, Path.Combine(_folder.Path, "missing", "a.jsonl"));
        Directory.CreateDirectory(FilePath);
        Fails(ErrorIds.ManifestUnwritable, FilePath);
    }

    [Fact]
    public async Task Intents_that_come_together_share_a_flush()
    {
        using FakeFile file = new();
        using JournalWriter writer = new(file, "x", 0);
        file.Hold.Reset();
        Task[] intents = [.. Enumerable.Range(0, 100).Select(_ => writer.WriteThroughAsync("{}", _ => { }, default))];
        Assert.DoesNotContain(intents, intent => intent.IsCompleted);
        file.Hold.Set();
        await Task.WhenAll(intents).WaitAsync(ClientUnderTest.Limit);
        Assert.InRange(file.Flushes, 1, 2);
        Assert.Equal(100, file.Text.Split('\n').Length - 1);
    }

    [Fact]
    public async Task On_a_full_disk_an_intent_fails_and_other_lines_are_kept()
    {
        using FakeFile file = new();
        using JournalWriter writer = new(file, "x", 0);
        file.IsFull = true;
        Assert.NotNull(writer.Write("""{"a":1}""", _ => { }));
        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => writer.WriteThroughAsync("""{"b":1}""", _ => { }, default));
        Assert.Equal(ErrorIds.ManifestUnwritable, error.ErrorId);
        file.IsFull = false;
        Assert.Null(writer.Write("""{"c":1}""", _ => { }));
        Assert.Equal("{\"a\":1}\n{\"c\":1}\n", file.Text);
    }

    [Fact]
    public async Task Neither_key_nor_signature_nor_long_text_is_in_it()
    {
        string prompt = new('x', 2000);
        using (Manifest manifest = Open())
            await IntendAsync(manifest, Key(1), inputs: $$"""{"a":"https://a.test/b/c.png?X-Amz-Signature=secret","p":"{{prompt}}","d":"data:image/png;base64,{{prompt}}"}""");
        string text = File.ReadAllText(FilePath);
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
        Assert.DoesNotContain(ClientUnderTest.Key, text, StringComparison.Ordinal);
        Assert.DoesNotContain("xxxx", text, StringComparison.Ordinal);
        Assert.Contains("\"data:sha256:", text, StringComparison.Ordinal);
        Assert.True(InputComparison.AreSame(RecordedInputs.Of($$"""{"p":"{{prompt}}"}"""), $$"""{"p":"{{prompt}}"}"""));
        Assert.False(InputComparison.AreSame(RecordedInputs.Of($$"""{"p":"{{prompt}}"}"""), $$"""{"p":"{{prompt}}y"}"""));
    }

    [Theory]
    [InlineData("a fox", false)]
    [InlineData("https://h.test/a.png?v=1", false)]
    [InlineData("https://h.test/a.png?sig=a", true)]
    [InlineData("like https://h.test/a.png?sig=a but blue", true)]
    [InlineData("https://h.test/a.png?X-Amz-Signature=a,\nhttps://h.test/b.png", true)]
    public void A_text_that_is_not_recorded_whole_is_a_part_and_can_be_read(string text, bool isPart)
    {
        using JsonDocument inputs = JsonDocument.Parse(RecordedInputs.Of(JsonText.Write(new Dictionary<string, object?> { ["a"] = text })));
        string recorded = inputs.RootElement.GetProperty("a").GetString()!;
        Assert.Equal(isPart, RecordedInputs.IsPart(recorded));
        Assert.StartsWith(SafeText.HideSignatures(text), recorded, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://h.test/a.png?…")]
    [InlineData("like https://h.test/a.png?… but blue")]
    public void A_text_that_was_recorded_without_its_hash_is_a_part(string recorded) => Assert.True(RecordedInputs.IsPart(recorded));

    [Fact]
    public void A_key_counts_equal_rows_whatever_the_order_of_members()
    {
        RowKeys keys = new();
        RowKey first = keys.Next("d", """{"a":1,"b":2}""");
        Assert.Equal(first with { Occurrence = 2 }, keys.Next("d", """{"b":2,"a":1}"""));
        Assert.NotEqual(first.Hash, keys.Next("e", """{"a":1,"b":2}""").Hash);
    }

    [Fact]
    public void A_hundred_thousand_rows_are_small()
    {
        using MemoryStream file = new();
        file.Write(Encoding.UTF8.GetBytes(ManifestHeader.Write(Connection, DateTime.UnixEpoch) + "\n"));
        for (int i = 1; i <= 100_000; i++)
        {
            file.Write(Encoding.UTF8.GetBytes($"{EventLine(Key(i), RunId, 0)}\n{EventLine(Key(i), $"{i:x8}-0000-4000-8000-000000000000", 1)}\n"));
        }
        file.Position = 0;
        long before = GC.GetTotalMemory(forceFullCollection: true);
        ManifestState state = new();
        ManifestScan.Read(file, "x", Connection, state);
        long perRow = (GC.GetTotalMemory(forceFullCollection: true) - before) / 100_000;
        Assert.Equal(100_000, state.Rows.Count);
        Assert.InRange(perRow, 1, 500);
    }

    private static string Describe(ManifestRow row) => $"{row.Key} {row.Number} {row.Attempt} {row.State} {row.Run} {row.IsStopping} {row.IsDone} {row.IntentAt} {row.AnswerAt} {string.Join(',', row.SavedAt)}";

    private static string EventLine(RowKey key, string run, int kind) => kind switch
    {
        0 => ManifestLines.Intent(new(key, key.Occurrence, 1, DateTime.UnixEpoch, true, new() { InputsJson = "{}" })),
        1 => ManifestLines.OfRun("queued", key, DateTime.UnixEpoch, run),
        2 => ManifestLines.Refused(key, DateTime.UnixEpoch, "no"),
        3 => ManifestLines.OfRun("stopping", key, DateTime.UnixEpoch, run),
        4 => ManifestLines.Ended(key, DateTime.UnixEpoch, new() { RunId = run, Status = "cancelled" }),
        _ => ManifestLines.Saved(key, DateTime.UnixEpoch, new(run, 0, "image", "a", 1), "a"),
    };

    private static RowKey Key(int number) => new(Guid.Empty, number);

    private static ComfyConnection Of(string baseUri, string user, string? org) =>
        new("c", new(baseUri), SecureStringText.Protect("key"), new(user, org), TimeSpan.FromMinutes(1));

    private static ComfyDeployException Fails(string id, string path, ComfyConnection? connection = null)
    {
        ComfyDeployException error = Assert.Throws<ComfyDeployException>(() => Manifest.Open(path, connection ?? Connection, new ManualClock()));
        Assert.Equal(id, error.ErrorId);
        return error;
    }

    private static Task IntendAsync(Manifest manifest, RowKey key, int attempt = 1, string inputs = """{"prompt":"fox"}""") =>
        manifest.IntendAsync(new(key, 1, attempt, DateTime.UnixEpoch, true, new() { Label = "a", DeploymentName = "portrait/production", InputsJson = inputs }), default).WaitAsync(ClientUnderTest.Limit);

    private Manifest Open() => Manifest.Open(FilePath, Connection, new ManualClock());

    private sealed class FakeFile : IJournalFile
    {
        private readonly List<byte> _bytes = [];

        internal ManualResetEventSlim Hold { get; } = new(initialState: true);

        internal bool IsFull { get; set; }

        internal int Flushes { get; private set; }

        internal string Text => Encoding.UTF8.GetString([.. _bytes]);

        public void Append(byte[] bytes)
        {
            _bytes.AddRange(IsFull ? bytes.Take(3) : bytes);
            if (IsFull) throw new IOException("disk full");
        }

        public void Flush()
        {
            Hold.Wait();
            Flushes++;
        }

        public void Cut(long length) => _bytes.RemoveRange((int)length, _bytes.Count - (int)length);

        public void Dispose() => Hold.Dispose();
    }
}
