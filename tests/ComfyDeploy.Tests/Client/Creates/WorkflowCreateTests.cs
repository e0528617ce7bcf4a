using ComfyDeploy.Client;
using ComfyDeploy.Commands;

namespace ComfyDeploy.Tests.Client;

/// <summary>Creates without a deployment: a lost one is looked up in the list of its workflow, which has other runs too.</summary>
public sealed class WorkflowCreateTests
{
    private const string Inputs = """{"prompt":"a lighthouse","seed":7}""";
    private const string Workflow = "w1";
    private const string Machine = "m1";
    private const string Graph = """{"3":{"class_type":"KSampler","inputs":{}}}""";

    private static readonly CreateTarget Version = new VersionTarget("v1", Workflow, Machine, "portrait version 1");
    private static readonly CreateTarget OfGraph = new GraphTarget(Graph, Workflow, Machine, "fox.json of portrait");
    private static readonly CreateTarget OtherGraph = new GraphTarget("{}", Workflow, Machine, "owl.json of portrait");

    private readonly ModelService _service;
    private readonly ClientUnderTest _test;

    public WorkflowCreateTests()
    {
        ManualClock clock = new();
        _service = new(clock);
        _test = new(new ScriptedHandler(_service.AnswerAsync), clock);
    }

    [Fact]
    public async Task A_version_is_sent_with_its_machine()
    {
        await CreateAsync(Version);
        SentRequest sent = Assert.Single(_test.Handler.Requests);
        Assert.Equal("/api/run", sent.PathAndQuery);
        Assert.Equal($$"""{"workflow_version_id":"v1","machine_id":"m1","inputs":{{Inputs}}}""", sent.Body);
    }

    [Fact]
    public async Task A_graph_is_sent_with_its_workflow_and_its_machine()
    {
        await CreateAsync(OfGraph);
        SentRequest sent = Assert.Single(_test.Handler.Requests);
        Assert.Equal("/api/run/workflow/queue", sent.PathAndQuery);
        Assert.Equal($$"""{"workflow_id":"w1","workflow_api_json":{{Graph}},"machine_id":"m1","inputs":{{Inputs}}}""", sent.Body);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_lost_create_is_found_among_the_other_runs_of_its_workflow_in_one_request(bool isVersion)
    {
        _service.OtherRun(Inputs, TimeSpan.Zero);
        _service.OtherRun(Inputs, "v2", Machine);
        _service.OtherRun(Inputs, isVersion ? null : "v1", Machine);
        _service.OtherRun(Inputs, isVersion ? "v1" : null, "m2");
        _service.OtherRun("""{"prompt":"another"}""", isVersion ? "v1" : null, Machine);
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        string id = await CreateAsync(isVersion ? Version : OfGraph);
        Assert.Equal(Assert.Single(_service.OwnRuns).Id, id);
        SentRequest look = Assert.Single(_test.Handler.Requests, request => request.Method == "GET");
        Assert.Equal("/api/workflow/w1/runs?limit=60&with_inputs=true&with_outputs=false", look.PathAndQuery);
        Assert.Single(_service.Posts);
    }

    [Fact]
    public async Task A_list_without_inputs_has_its_candidates_read()
    {
        _service.ListsInputs = false;
        _service.OtherRun("""{"prompt":"another"}""", "v1", Machine);
        _service.OtherRun(Inputs, "v2", Machine);
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        Assert.Equal(await CreateAsync(Version), _service.OwnRuns.Single().Id);
        Assert.Equal(2, _test.Handler.Count("GET", "/api/run/"));
    }

    [Fact]
    public async Task A_run_of_another_member_of_the_organization_is_no_candidate()
    {
        ComfyConnection connection = new("test", new Uri("https://service.test/api"), SecureStringText.Protect(ClientUnderTest.Key), new("me", "org"), TimeSpan.FromMinutes(5));
        ComfyDeployClient client = new(new(connection, _test.Handler, _test.Clock), _test.Log);
        _service.OtherRun(Inputs, "v1", Machine, "colleague");
        string mine = _service.OtherRun(Inputs, "v1", Machine, "me").Id;
        _service.Faults.Enqueue(CreateFault.ResetNotTaken);
        Assert.Equal(mine, await client.CreateRunAsync(new(Version, Inputs, null, null, false), default).WaitAsync(ClientUnderTest.Limit));
    }

    [Fact]
    public async Task A_lost_create_that_was_not_executed_is_ambiguous_and_names_the_list_of_its_workflow()
    {
        _service.Faults.Enqueue(CreateFault.ResetNotTaken);
        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => CreateAsync(Version));
        Assert.Equal(ErrorIds.AmbiguousCreate, error.ErrorId);
        Assert.StartsWith("It is not known whether portrait version 1 was queued with", error.Message, StringComparison.Ordinal);
        Assert.Contains("Get-ComfyRun -Workflow w1 -After '", ErrorRecords.TextOf(error), StringComparison.Ordinal);
        Assert.Equal(5, _test.Handler.Count("GET", "/workflow/w1/runs"));
        Assert.Single(_service.Posts);
    }

    [Fact]
    public async Task More_matches_than_lost_creates_are_ambiguous()
    {
        _service.OtherRun(Inputs, "v1", Machine);
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        Assert.Equal(ErrorIds.AmbiguousCreate, (await Assert.ThrowsAsync<ComfyDeployException>(() => CreateAsync(Version))).ErrorId);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Two_identical_lost_creates_get_one_run_each(bool isVersion)
    {
        CreateTarget target = isVersion ? Version : OfGraph;
        Task<string>[] creates = LoseBoth(target, target);
        Assert.Equal(_service.OwnRuns.Select(run => run.Id).Order(), (await Task.WhenAll(creates)).Order());
    }

    [Fact]
    public async Task A_version_and_a_graph_with_the_same_inputs_get_their_own_runs()
    {
        Task<string>[] creates = LoseBoth(Version, OfGraph);
        string[] ids = await Task.WhenAll(creates);
        Assert.Equal(["v1", null], ids.Select(id => _service.Runs.Single(run => run.Id == id).Version));
    }

    [Theory]
    [InlineData(CreateFault.ResetTaken, CreateFault.ResetTaken, 2)]
    [InlineData(CreateFault.ResetTaken, CreateFault.ResetNotTaken, 1)]
    [InlineData(CreateFault.ResetNotTaken, CreateFault.ResetTaken, 1)]
    public async Task Of_two_graphs_with_the_same_inputs_none_gets_a_run_because_the_list_does_not_tell_them_apart(CreateFault first, CreateFault second, int runs)
    {
        foreach (Task<string> create in LoseBoth(OfGraph, OtherGraph, first, second))
        {
            Assert.Equal(ErrorIds.AmbiguousCreate, (await Assert.ThrowsAsync<ComfyDeployException>(() => create)).ErrorId);
        }
        Assert.Equal(runs, _service.OwnRuns.Count);
    }

    [Fact]
    public async Task Two_graphs_with_different_inputs_get_their_own_runs()
    {
        _service.HoldUntil(2);
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        string[] ids = await Task.WhenAll(CreateAsync(OfGraph), CreateAsync(OtherGraph, """{"prompt":"an owl"}"""));
        Assert.Equal([Inputs, """{"prompt":"an owl"}"""], ids.Select(id => _service.Runs.Single(run => run.Id == id).Inputs));
    }

    [Fact]
    public async Task A_workflow_that_does_not_exist_is_an_error()
    {
        ClientUnderTest test = new(() => Reply.Json("""{"detail":"Workflow version not found for this deployment"}""", 404));
        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(
            () => test.Client.CreateRunAsync(new(Version, Inputs, null, null, false), default).WaitAsync(ClientUnderTest.Limit));
        Assert.Equal(ErrorIds.WorkflowNotFound, error.ErrorId);
    }

    private Task<string>[] LoseBoth(
        CreateTarget one, CreateTarget other, CreateFault first = CreateFault.ResetTaken, CreateFault second = CreateFault.ResetTaken)
    {
        _service.HoldUntil(2);
        _service.Faults.Enqueue(first);
        _service.Faults.Enqueue(second);
        return [CreateAsync(one), CreateAsync(other)];
    }

    private Task<string> CreateAsync(CreateTarget target, string inputs = Inputs) =>
        _test.Client.CreateRunAsync(new(target, inputs, null, null, false), default).WaitAsync(ClientUnderTest.Limit);
}
