using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>An answer counts only for the ID that was asked for, and an ID of an answer leads nowhere else.</summary>
public sealed class AnswerIdTests
{
    private const string Id = ClientUnderTest.RunId;

    public static TheoryData<string> Foreign =>
        ["{}", """{"detail":"maintenance"}""", """{"id":null}""", """{"id":"00000000-0000-4000-8000-000000000000"}""", """{"id":"../../../etc/passwd"}"""];

    [Theory]
    [MemberData(nameof(Foreign))]
    public async Task A_run_is_the_one_asked_for(string answer) => await AssertServiceErrorAsync(answer, client => client.GetRunAsync(Id, default));

    [Theory]
    [MemberData(nameof(Foreign))]
    public async Task A_deployment_is_the_one_asked_for(string answer) => await AssertServiceErrorAsync(answer, client => client.GetDeploymentAsync(Id, default));

    [Theory]
    [MemberData(nameof(Foreign))]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("<html></html>")]
    [InlineData("""{"status":"failure"}""")]
    public async Task A_cancel_is_confirmed_in_the_service_s_own_words(string answer) => await AssertServiceErrorAsync(answer, client => client.CancelRunAsync(Id, null, default));

    [Fact]
    public async Task The_case_of_an_ID_does_not_matter()
    {
        ClientUnderTest test = new(() => Reply.Json(ClientUnderTest.RunJson(Id.ToUpperInvariant())));
        Assert.Equal("running", (await test.GetRunAsync()).Status);
    }

    [Fact]
    public async Task A_foreign_answer_is_not_a_run_this_process_has_seen()
    {
        ClientUnderTest test = new(() => Reply.Json(ClientUnderTest.RunJson("00000000-0000-4000-8000-000000000000")));
        await Assert.ThrowsAsync<ComfyDeployException>(() => test.GetRunAsync());
        Assert.Empty(test.Session.KnownRuns.StartingWith("00000000"));
    }

    [Fact]
    public async Task An_ID_of_an_answer_leads_to_no_other_path()
    {
        ClientUnderTest test = new(() => Reply.Json("[]"));
        await test.Client.GetRunPageAsync(new("../../../etc/passwd?x", "d&limit=1", null, null, 10), 0, default);
        Assert.Equal(
            "/api/v2/workflow/..%2F..%2F..%2Fetc%2Fpasswd%3Fx/runs?limit=10&offset=0&deployment_id=d%26limit%3D1",
            Assert.Single(test.Handler.Requests).PathAndQuery);
    }

    [Fact]
    public async Task Rows_without_an_ID_are_neither_deployments_nor_workflows()
    {
        ClientUnderTest test = new(() => Reply.Json("""[{"environment":"production"},{"id":""},{"id":"a"}]"""));
        Assert.Equal("a", Assert.Single(await test.Client.GetDeploymentsAsync(fresh: true, default)).DeploymentId);
        Assert.Equal("a", Assert.Single(await test.Client.GetWorkflowsAsync(default)).WorkflowId);
    }

    [Fact]
    public async Task Workflows_of_a_service_that_ignores_the_offset_end()
    {
        string page = string.Join(',', Enumerable.Range(0, 100).Select(i => $$"""{"id":"w{{i}}"}"""));
        ClientUnderTest test = new(() => Reply.Json($"[{page}]"));
        Assert.Equal(100, (await test.Client.GetWorkflowsAsync(default).WaitAsync(ClientUnderTest.Limit)).Count);
        Assert.Equal(2, test.Handler.Requests.Count);
    }

    private static async Task AssertServiceErrorAsync(string answer, Func<ComfyDeployClient, Task> read)
    {
        ClientUnderTest test = new(() => Reply.Json(answer));
        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => read(test.Client).WaitAsync(ClientUnderTest.Limit));
        Assert.Equal(ErrorIds.ServiceError, error.ErrorId);
    }
}
