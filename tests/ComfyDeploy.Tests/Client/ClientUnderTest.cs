using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>A client of a scripted service, with its own clock and log.</summary>
internal sealed class ClientUnderTest
{
    internal const string Key = "eyJhbGciOiJIUzI1NiJ9.c2VjcmV0LXBheWxvYWQ.c2lnbmF0dXJlLW9mLXRoZS1rZXk";
    internal const string RunId = "46ca5f04-702f-4d00-97ee-5cadd6bde2d6";
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    internal ClientUnderTest(ScriptedHandler handler, ManualClock? clock = null, TimeSpan? requestTimeout = null)
    {
        (Handler, Clock) = (handler, clock ?? new());
        Session = new(Connect(requestTimeout), handler, Clock);
        Client = new(Session, Log);
    }

    internal ClientUnderTest(params Func<HttpResponseMessage>[] answers) : this(new ScriptedHandler(answers)) { }

    internal ScriptedHandler Handler { get; }

    internal ManualClock Clock { get; }

    internal RecordingLog Log { get; } = new();

    internal ApiSession Session { get; }

    internal ComfyDeployClient Client { get; }

    internal static ComfyConnection Connect(TimeSpan? requestTimeout = null, string baseUri = "https://service.test/api") =>
        new("test", new Uri(baseUri), SecureStringText.Protect(Key), default, requestTimeout ?? TimeSpan.FromMinutes(5));

    internal Task<ComfyRun> GetRunAsync(CancellationToken cancellationToken = default) => Client.GetRunAsync(RunId, cancellationToken).WaitAsync(Limit, CancellationToken.None);

    /// <summary>A minimal run as the service writes it.</summary>
    internal static string RunJson(string id, string status = "running", string inputs = "{}") =>
        $$"""{"id":"{{id}}","status":"{{status}}","workflow_id":"00000020-0000-4000-8000-000000000020","workflow_inputs":{{inputs}},"outputs":[]}""";
}
