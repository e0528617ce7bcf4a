using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>What became of the creates that an earlier process announced and did not see answered.</summary>
public sealed class IntentLookupTests
{
    private const string Inputs = """{"prompt":"a lighthouse","seed":7}""";
    private static readonly DeploymentTarget Target = new("d1", "portrait/production");

    private readonly HashSet<string> _owned = [];
    private readonly ModelService _service;
    private readonly ClientUnderTest _test;

    public IntentLookupTests()
    {
        ManualClock clock = new();
        _service = new(clock);
        _test = new(new ScriptedHandler(_service.AnswerAsync), clock);
    }

    [Fact]
    public async Task A_run_that_nobody_owns_is_found_at_once()
    {
        string id = _service.OtherRun(Inputs, TimeSpan.FromSeconds(-10)).Id;
        Assert.Equal(id, (await FindAsync(Intent("a", 11)))["a"].RunId);
        Assert.Empty(_test.Clock.Pauses);
        Assert.Empty(_test.Log.Warnings);
    }

    [Fact]
    public async Task An_intent_without_a_run_is_free_once_it_is_a_minute_old()
    {
        Assert.Equal(IntentOutcome.NoRun, (await FindAsync(Intent("a", 20)))["a"]);
        Assert.Equal([40], _test.Clock.Pauses.Select(pause => pause.TotalSeconds));
        Assert.Contains("for 40 s more", Assert.Single(_test.Log.Warnings), StringComparison.Ordinal);
        Assert.Equal(2, _test.Handler.Count("GET", "/deployment/"));
    }

    [Fact]
    public async Task Of_an_intent_by_an_unknown_clock_the_minute_may_be_later()
    {
        Assert.Equal(IntentOutcome.NoRun, (await FindAsync(Intent("a", 100, isExact: false)))["a"]);
        Assert.Equal([260], _test.Clock.Pauses.Select(pause => pause.TotalSeconds));
    }

    [Fact]
    public async Task An_intent_of_a_time_to_come_is_not_decided()
    {
        IntentOutcome outcome = (await FindAsync(Intent("a", -3600)))["a"];
        Assert.Equal(ErrorIds.AmbiguousCreate, outcome.Error!.ErrorId);
        Assert.Empty(_test.Clock.Pauses);
    }

    [Fact]
    public async Task The_deadline_of_the_call_comes_first()
    {
        _test.Client.Deadline = _test.Clock.Now + TimeSpan.FromSeconds(30);
        IntentOutcome outcome = (await FindAsync(Intent("a", 20)))["a"];
        Assert.Equal(ErrorIds.AmbiguousCreate, outcome.Error!.ErrorId);
        Assert.Empty(_test.Clock.Pauses);
    }

    [Fact]
    public async Task An_old_intent_without_a_run_is_free_after_one_look()
    {
        Assert.Equal(IntentOutcome.NoRun, (await FindAsync(Intent("a", 3600)))["a"]);
        Assert.Equal(1, _test.Handler.Count("GET", "/deployment/"));
    }

    [Fact]
    public async Task A_run_that_lands_within_the_minute_is_found()
    {
        _service.ListedAfter = TimeSpan.FromSeconds(30);
        string id = _service.OtherRun(Inputs, TimeSpan.FromSeconds(-10)).Id;
        Assert.Equal(id, (await FindAsync(Intent("a", 11)))["a"].RunId);
        Assert.Single(_test.Clock.Pauses);
    }

    [Fact]
    public async Task The_list_is_walked_back_to_the_intent()
    {
        string id = _service.OtherRun(Inputs, TimeSpan.FromMinutes(-100)).Id;
        for (int i = 0; i < 150; i++) _service.OtherRun("""{"prompt":"another"}""", TimeSpan.FromMinutes(-i / 2.0));
        Assert.Equal(id, (await FindAsync(Intent("a", 6001)))["a"].RunId);
        Assert.Equal(3, _test.Handler.Count("GET", "/deployment/"));
    }

    [Fact]
    public async Task Runs_that_are_older_owned_or_different_are_not_its_own()
    {
        _service.OtherRun(Inputs, TimeSpan.FromMinutes(-20));
        _owned.Add(_service.OtherRun(Inputs, TimeSpan.FromMinutes(-5)).Id);
        _test.Session.KnownRuns.Take(_service.OtherRun(Inputs, TimeSpan.FromMinutes(-4)).Id, new(null, null, null, null, null, null));
        _service.OtherRun("""{"prompt":"another"}""", TimeSpan.FromMinutes(-3));
        Assert.Equal(IntentOutcome.NoRun, (await FindAsync(Intent("a", 600)))["a"]);
    }

    [Fact]
    public async Task Equal_intents_get_the_runs_there_are_and_the_rest_is_free()
    {
        string first = _service.OtherRun(Inputs, TimeSpan.FromMinutes(-5)).Id;
        string second = _service.OtherRun(Inputs, TimeSpan.FromMinutes(-4)).Id;
        IReadOnlyDictionary<string, IntentOutcome> found = await FindAsync(Intent("a", 301), Intent("b", 301), Intent("c", 301));
        Assert.Equal([first, second], found.Values.Select(outcome => outcome.RunId).OfType<string>().Order(StringComparer.Ordinal).OrderBy(id => id == second));
        Assert.Single(found.Values, outcome => outcome == IntentOutcome.NoRun);
    }

    [Fact]
    public async Task More_runs_than_intents_are_uncertain()
    {
        string[] ids = [_service.OtherRun(Inputs, TimeSpan.FromMinutes(-5)).Id, _service.OtherRun(Inputs, TimeSpan.FromMinutes(-4)).Id];
        IntentOutcome outcome = (await FindAsync(Intent("a", 301)))["a"];
        Assert.Equal(ErrorIds.AmbiguousCreate, outcome.Error!.ErrorId);
        Assert.All(ids, id => Assert.Contains(id, outcome.Error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_the_service_clock_only_a_single_match_is_certain()
    {
        string id = _service.OtherRun(Inputs, TimeSpan.FromMinutes(-8)).Id;
        // Its clock was four minutes ahead.
        Assert.Equal(id, (await FindAsync(Intent("a", 240, isExact: false)))["a"].RunId);
        _service.OtherRun(Inputs, TimeSpan.FromMinutes(-7));
        Assert.All((await FindAsync(Intent("b", 240, isExact: false), Intent("c", 240, isExact: false))).Values, outcome => Assert.NotNull(outcome.Error));
    }

    [Fact]
    public async Task A_list_that_cannot_be_read_decides_nothing()
    {
        _service.FailRead = _ => true;
        IntentOutcome outcome = (await FindAsync(Intent("a", 3600)))["a"];
        Assert.Equal(ErrorIds.AmbiguousCreate, outcome.Error!.ErrorId);
        Assert.Null(outcome.RunId);
    }

    [Theory]
    [InlineData("""{"detail":"maintenance"}""")]
    [InlineData("""{"data":{"0":{"id":7}},"meta":null}""")]
    [InlineData("""{"data":null,"meta":null}""")]
    [InlineData("""{"data":[{"status":"running"}],"meta":null}""")]
    public async Task An_answer_without_the_list_decides_nothing(string answer)
    {
        _service.OtherRun(Inputs, TimeSpan.FromMinutes(-5));
        _service.DistortList = _ => answer;
        Assert.Equal(ErrorIds.AmbiguousCreate, (await FindAsync(Intent("a", 3600)))["a"].Error?.ErrorId);
    }

    [Fact]
    public async Task A_list_that_is_read_again_decides()
    {
        string id = _service.OtherRun(Inputs, TimeSpan.FromMinutes(-5)).Id;
        int lists = 0;
        _service.DistortList = list => ++lists == 1 ? """{"data":{}}""" : list;
        Assert.Equal(id, (await FindAsync(Intent("a", 3600)))["a"].RunId);
    }

    [Fact]
    public async Task Runs_of_a_version_are_found_in_the_list_of_its_workflow_without_reading_each()
    {
        string id = _service.OtherRun(Inputs, "v1", "m1").Id;
        _service.OtherRun(Inputs, "v2", "m1");
        OpenIntent intent = new("a", new VersionTarget("v1", "w1", "m1", "portrait, version 1"), Inputs, _test.Clock.Now, IsExactTime: true);
        Assert.Equal(id, (await FindAsync(intent))["a"].RunId);
        Assert.Equal(0, _test.Handler.Count("GET", "/run/"));
    }

    [Fact]
    public async Task Links_that_differ_only_in_what_is_hidden_are_two_rows()
    {
        string id = _service.OtherRun(Link(2), TimeSpan.FromMinutes(-5)).Id;
        IReadOnlyDictionary<string, IntentOutcome> found = await FindAsync(Recorded("a", Link(1)), Recorded("b", Link(2)));
        Assert.Equal((IntentOutcome.NoRun, id), (found["a"], found["b"].RunId));

        static string Link(int number) => $$"""{"image":"https://h.test/get?id={{number}}&sig=x"}""";
    }

    [Fact]
    public async Task A_signed_link_inside_a_text_is_found()
    {
        const string inputs = """{"prompt":"like https://h.test/a.png?X-Amz-Signature=x please"}""";
        string id = _service.OtherRun(inputs, TimeSpan.FromMinutes(-5)).Id;
        Assert.Equal(id, (await FindAsync(Recorded("a", inputs)))["a"].RunId);
    }

    private OpenIntent Recorded(string key, string inputs) => Intent(key, 301) with { InputsJson = RecordedInputs.Of(inputs) };

    private OpenIntent Intent(string key, int secondsAgo, bool isExact = true) =>
        new(key, Target, Inputs, _test.Clock.Now - TimeSpan.FromSeconds(secondsAgo), isExact);

    private Task<IReadOnlyDictionary<string, IntentOutcome>> FindAsync(params OpenIntent[] intents) =>
        new IntentLookup(_test.Client, _test.Log, "night.jsonl", _owned.Contains).FindAsync(intents, default).WaitAsync(ClientUnderTest.Limit);
}
