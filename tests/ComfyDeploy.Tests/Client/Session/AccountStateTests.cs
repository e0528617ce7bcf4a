using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>Connections to the same account know each other's runs.</summary>
public sealed class AccountStateTests
{
    private const string Inputs = """{"prompt":"a lighthouse"}""";

    [Fact]
    public void Connections_with_the_same_URL_and_key_share_an_account()
    {
        ComfyConnection connection = ClientUnderTest.Connect();
        AccountState account = AccountState.Of(connection);
        Assert.Same(account, AccountState.Of(ClientUnderTest.Connect(baseUri: "https://service.test/api/")));
        Assert.NotSame(account, AccountState.Of(ClientUnderTest.Connect(baseUri: "https://other.test/api")));
        Assert.NotSame(account, AccountState.Of(new("test", connection.BaseUri, SecureStringText.Protect("another key"), default, TimeSpan.FromMinutes(1))));
    }

    [Fact]
    public async Task A_lost_create_does_not_take_the_run_of_another_connection()
    {
        ManualClock clock = new();
        ModelService service = new(clock);
        AccountState account = new();
        ComfyDeployClient Connect() => new(new(ClientUnderTest.Connect(), new ScriptedHandler(service.AnswerAsync), clock, account), new RecordingLog());
        CreateRequest request = new(new DeploymentTarget("d1", "portrait/production"), Inputs, null, null, false);

        string first = await Connect().CreateRunAsync(request, default).WaitAsync(ClientUnderTest.Limit);
        service.Faults.Enqueue(CreateFault.ResetNotTaken);
        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => Connect().CreateRunAsync(request, default).WaitAsync(ClientUnderTest.Limit));
        Assert.Equal(ErrorIds.AmbiguousCreate, error.ErrorId);
        Assert.Equal(first, Assert.Single(service.OwnRuns).Id);
    }
}
