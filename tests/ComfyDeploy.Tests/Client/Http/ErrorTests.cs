using System.Globalization;
using System.Text;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>Each unsuccessful response becomes one error with a stable ID and the service's message, and without anything that may be secret.</summary>
public sealed class ErrorTests
{
    private static readonly Dictionary<string, string> IdsOfRecorded = new()
    {
        ["err-401-basic-scheme"] = ErrorIds.ApiKeyRejected,
        ["err-401-empty-bearer"] = ErrorIds.ApiKeyRejected,
        ["err-401-expired"] = ErrorIds.ApiKeyRejected,
        ["err-401-garbage-key"] = ErrorIds.ApiKeyRejected,
        ["err-401-lowercase-bearer"] = ErrorIds.ApiKeyRejected,
        ["err-401-no-auth-unknown-path"] = ErrorIds.ApiKeyRejected,
        ["err-401-no-auth"] = ErrorIds.ApiKeyRejected,
        ["err-401-revoked"] = ErrorIds.ApiKeyRejected,
        ["err-401-wrong-secret"] = ErrorIds.ApiKeyRejected,
        ["err-403-machine-token-scope"] = ErrorIds.ApiKeyRejected,
        ["err-404-outside-api"] = ErrorIds.NotSupportedByServer,
        ["err-404-unknown-path"] = ErrorIds.NotSupportedByServer,
        ["run-get-403-org-key"] = ErrorIds.RunNotFound,
        ["run-get-403-other-user"] = ErrorIds.RunNotFound,
        ["run-get-404-unknown"] = ErrorIds.RunNotFound,
        ["run-get-422-malformed"] = ErrorIds.InvalidInput,
        ["run-get-422-queue-position-bad"] = ErrorIds.InvalidInput,
        ["run-get-query-422-malformed"] = ErrorIds.InvalidInput,
        ["run-get-query-422-missing"] = ErrorIds.InvalidInput,
        ["runs-v1-malformed"] = ErrorIds.ServiceError,
        ["runs-v2-limit-minus1"] = ErrorIds.ServiceError,
        ["logs-v2-unknown"] = ErrorIds.RunNotFound,
    };

    private static readonly Dictionary<string, string> IdsOfCreates = new()
    {
        ["queue-403-free-no-credit"] = ErrorIds.LimitReached,
        ["queue-404-machine-deleted"] = ErrorIds.DeploymentNotFound,
        ["queue-404-other-users-deployment"] = ErrorIds.DeploymentNotFound,
        ["queue-404-unknown-deployment"] = ErrorIds.DeploymentNotFound,
        ["queue-404-workflow-deleted"] = ErrorIds.DeploymentNotFound,
        ["queue-classic-machine-400"] = ErrorIds.InvalidInput,
        ["queue-runpod-no-token-400"] = ErrorIds.InvalidInput,
        ["queue-500-bad-origin"] = ErrorIds.ServiceError,
        ["queue-nul-char"] = ErrorIds.ServiceError,
    };

    public static TheoryData<string, string> RecordedErrors => Table(IdsOfRecorded);

    public static TheoryData<string, string> RecordedCreateErrors =>
        Table(IdsOfCreates.Concat(Recorded.Names("queue-422-*.json").Select(name => KeyValuePair.Create(name, ErrorIds.InvalidInput))));

    public static TheoryData<string> RecordedRefusals => [.. Recorded.Names("*422*.json").Where(name => Recorded.Exchange(name).Status == 422)];

    [Fact]
    public void No_recorded_error_of_a_key_or_a_run_is_missing() =>
        Assert.Empty(Recorded.Names("err-*.json").Concat(Recorded.Names("run-get-4*.json")).Except(IdsOfRecorded.Keys));

    [Fact]
    public void No_recorded_error_of_a_create_is_missing() =>
        Assert.Empty(Recorded.Names("queue-*.json").Where(name => Recorded.Exchange(name).Status >= 400 && !name.Contains("422", StringComparison.Ordinal))
            .Except(IdsOfCreates.Keys).Except(["queue-batch-number-500", "queue-batch-params-500", "queue-text-plain-json"]));

    [Theory]
    [MemberData(nameof(RecordedErrors))]
    public async Task A_recorded_error_has_its_id_and_its_message(string name, string id)
    {
        Exchange exchange = Recorded.Exchange(name);
        ClientUnderTest test = new(exchange.ToResponse);
        await AssertErrorAsync(() => test.GetRunAsync(), exchange, id);
        Assert.Single(test.Handler.Requests);
    }

    [Theory]
    [MemberData(nameof(RecordedCreateErrors))]
    public async Task A_recorded_error_of_a_create_has_its_id_and_is_not_sent_again(string name, string id)
    {
        Exchange exchange = Recorded.Exchange(name);
        ClientUnderTest test = new(exchange.ToResponse);
        await AssertErrorAsync(() => test.Client.CreateRunAsync(new(new DeploymentTarget("d", "portrait/production"), "{}", null, null, false), default), exchange, id);
        Assert.Single(test.Handler.Requests);
    }

    [Theory]
    [InlineData("401 Unauthorized", 401)]
    [InlineData("402 Payment Required", 402)]
    [InlineData("403 Forbidden", 403)]
    [InlineData("404: Not Found", 404)]
    [InlineData("405 Method Not Allowed", 405)]
    [InlineData("429 Too Many Requests", 429)]
    [InlineData("404: Not Found", 500)]
    public async Task A_refusal_by_the_machine_is_no_error_of_key_account_or_deployment_and_is_final(string sentence, int status)
    {
        ClientUnderTest test = new(() => Reply.Json($$"""{"detail":"Error creating run: {{sentence}}"}""", status));
        ComfyDeployException error = await FailAsync(() => test.Client.CreateRunAsync(new(new DeploymentTarget("d", "portrait/production"), "{}", null, null, false), default));
        Assert.Equal((ErrorIds.ServiceError, status), (error.ErrorId, error.StatusCode));
        Assert.Contains($"Error creating run: {sentence} (HTTP {status})", error.Message, StringComparison.Ordinal);
        Assert.Single(test.Handler.Requests);
    }

    [Fact]
    public async Task A_feature_outside_the_plan_is_no_matter_of_the_key()
    {
        string body = Recorded.Example("errors/403-plan-feature.json");
        ComfyDeployException error = await FailAsync(() => new ClientUnderTest(() => Reply.Json(body, 403)).GetRunAsync());
        Assert.Equal("The plan of the account does not include this: Access denied for requested operation (HTTP 403).", error.Message);
    }

    [Fact]
    public void No_text_of_the_service_makes_a_message_endless()
    {
        string id = new('x', 5_000_000);
        ComfyDeployException error = new(ErrorIds.RunNotFound, $"There is no run {id} on connection 'test'.");
        Assert.InRange(error.Message.Length, 2900, 3010);
        Assert.StartsWith("There is no run xxx", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("xxx on connection 'test'.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_is_not_cut_inside_a_letter()
    {
        for (int shift = 0; shift < 2; shift++)
        {
            string text = new string('x', shift) + string.Concat(Enumerable.Repeat("\U0001F600", 5000));
            string message = new ComfyDeployException(ErrorIds.ServiceError, text).Message;
            Assert.Equal(message, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(message)));
        }
    }

    [Theory]
    [InlineData("run-cancel-404-becomes-500", ErrorIds.RunNotFound)]
    [InlineData("run-cancel-classic-machine", ErrorIds.RunNotFound)]
    [InlineData("run-cancel-no-function-call", ErrorIds.RunNotFound)]
    [InlineData("run-cancel-malformed-500", ErrorIds.ServiceError)]
    public async Task A_cancel_error_wrapped_in_a_500_has_its_error_id(string name, string id)
    {
        Exchange exchange = Recorded.Exchange(name);
        ClientUnderTest test = new(exchange.ToResponse);
        await AssertErrorAsync(() => test.Client.CancelRunAsync(ClientUnderTest.RunId, null, default), exchange, id);
        Assert.Single(test.Handler.Requests);
    }

    [Theory]
    [InlineData("deployment-get-unknown")]
    [InlineData("deployment-get-malformed")]
    [InlineData("deployment-get-other")]
    [InlineData("deployment-get-public-by-other")]
    public async Task A_missing_deployment_gives_a_500(string name)
    {
        Exchange exchange = Recorded.Exchange(name);
        await AssertErrorAsync(() => new ClientUnderTest(exchange.ToResponse).Client.GetDeploymentAsync("d", default), exchange, ErrorIds.DeploymentNotFound);
    }

    [Theory]
    [InlineData("errors/402-machine-in-use.json", ErrorIds.InvalidInput)]
    [InlineData("errors/403-access-denied-trailing-space.json", ErrorIds.RunNotFound)]
    [InlineData("errors/403-credits-deployment-owner.json", ErrorIds.LimitReached)]
    [InlineData("errors/403-credits-own.json", ErrorIds.LimitReached)]
    [InlineData("errors/403-plan-balance.json", ErrorIds.LimitReached)]
    [InlineData("errors/403-plan-feature.json", ErrorIds.LimitReached)]
    [InlineData("errors/403-logs.json", ErrorIds.RunNotFound)]
    [InlineData("errors/403-progress.json", ErrorIds.RunNotFound)]
    [InlineData("errors/403-not-owner.json", ErrorIds.RunNotFound)]
    [InlineData("errors/403-scope.json", ErrorIds.ApiKeyRejected)]
    [InlineData("errors/404-route.json", ErrorIds.NotSupportedByServer)]
    [InlineData("errors/404-error-key-api-key.json", ErrorIds.RunNotFound)]
    [InlineData("errors/405.json", ErrorIds.NotSupportedByServer)]
    [InlineData("errors/409-file-exists.json", ErrorIds.InvalidInput)]
    [InlineData("errors/500-error-key.json", ErrorIds.ServiceError)]
    [InlineData("errors/500-plain.txt", ErrorIds.ServiceError)]
    [InlineData("errors/500-wrapped-404-workflow-version.json", ErrorIds.RunNotFound)]
    [InlineData("v1/error-400-run-not-found.json", ErrorIds.RunNotFound)]
    [InlineData("v1/error-401.txt", ErrorIds.ApiKeyRejected)]
    [InlineData("v1/error-500.json", ErrorIds.ServiceError)]
    public async Task An_example_error_has_its_id(string file, string id)
    {
        int status = int.Parse(file.Split('/')[1].Replace("error-", "", StringComparison.Ordinal)[..3], CultureInfo.InvariantCulture);
        string body = Recorded.Example(file);
        await AssertErrorAsync(() => new ClientUnderTest(() => Reply.With(status, body)).GetRunAsync(), new(file, status, "", body), id);
    }

    [Theory]
    [MemberData(nameof(RecordedRefusals))]
    public async Task A_validation_error_names_the_field_and_never_the_value(string name)
    {
        Exchange exchange = Recorded.Exchange(name);
        // The rejected value, wherever the service repeats it.
        string body = exchange.Body.Replace("\"input\":", "\"input\":\"S3cret-value\",\"was\":", StringComparison.Ordinal);
        ComfyDeployException error = await FailAsync(() => new ClientUnderTest(() => Reply.Json(body, 422)).GetRunAsync());
        Assert.Contains(": ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("S3cret-value", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_truncated_validation_error_shows_no_value_either()
    {
        string body = $$"""{"detail":[{"input":"S3cret-value","type":"string_type","loc":["body","inputs"],"msg":"Input should be a valid string","ctx":"{{new string('x', 100_000)}}"}]}""";
        ComfyDeployException error = await FailAsync(() => new ClientUnderTest(() => Reply.Json(body, 422)).GetRunAsync());
        Assert.Equal(ErrorIds.InvalidInput, error.ErrorId);
        Assert.DoesNotContain("S3cret", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<html><head><title>502 Bad Gateway</title></head></html>", "")]
    [InlineData("  \r\n<!DOCTYPE html><p>nginx", "")]
    [InlineData("", "")]
    [InlineData("[1,2]", "")]
    [InlineData("null", "")]
    [InlineData("{}", "")]
    [InlineData("{\"detail\":{\"code\":3},\"message\":\"in words\"}", "in words")]
    [InlineData("{\"error\":\"first\",\"message\":\"second\"}", "first")]
    [InlineData("upstream connect error", "upstream connect error")]
    [InlineData("{\"detail\":\"\\ud83d half\"}", "\uFFFD half")]
    [InlineData("{\"detail\":\"a\\u001b[31mred\\u0007\\u009b2J\\r\\nb\"}", "a [31mred 2J b")]
    [InlineData("plain \u001b]0;title\u0007text", "plain ]0;title text")]
    public async Task Of_any_body_only_a_message_is_shown(string body, string sentence)
    {
        ComfyDeployException error = await FailAsync(() => new ClientUnderTest(() => Reply.With(500, body)).GetRunAsync());
        Assert.Equal(ErrorIds.ServiceError, error.ErrorId);
        Assert.Equal(sentence.Length == 0 ? "The service answered: HTTP 500." : $"The service answered: {sentence} (HTTP 500).", error.Message);
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    [Fact]
    public async Task An_endless_body_is_cut()
    {
        using EndlessStream stream = new();
        ComfyDeployException error = await FailAsync(() => new ClientUnderTest(() => new(System.Net.HttpStatusCode.InternalServerError) { Content = new StreamContent(stream) }).GetRunAsync());
        Assert.InRange(stream.Given, 64 * 1024, 80 * 1024);
        Assert.InRange(error.Message.Length, 1, 600);
    }

    [Fact]
    public async Task The_id_of_the_request_is_kept()
    {
        ComfyDeployException error = await FailAsync(() => new ClientUnderTest(() =>
        {
            HttpResponseMessage response = Reply.Status(500);
            response.Headers.TryAddWithoutValidation("X-Request-Id", "req-7");
            return response;
        }).GetRunAsync());
        Assert.Equal(("req-7", 500), (error.RequestId, error.StatusCode));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("")]
    [InlineData("{\"id\":")]
    [InlineData("<html>")]
    [InlineData("[]")]
    public async Task An_unreadable_success_is_a_service_error(string body)
    {
        ClientUnderTest test = new(() => Reply.Json(body));
        Assert.Equal(ErrorIds.ServiceError, (await FailAsync(() => test.GetRunAsync())).ErrorId);
        Assert.Equal(5, test.Handler.Requests.Count);
    }

    private static async Task AssertErrorAsync(Func<Task> call, Exchange exchange, string id)
    {
        ComfyDeployException error = await FailAsync(call);
        Assert.Equal(id, error.ErrorId);
        Assert.Equal(exchange.Status, error.StatusCode);
        Assert.Contains($"HTTP {exchange.Status}", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(ClientUnderTest.Key, error.ToString(), StringComparison.Ordinal);
    }

    private static async Task<ComfyDeployException> FailAsync(Func<Task> call) =>
        await Assert.ThrowsAsync<ComfyDeployException>(() => call().WaitAsync(ClientUnderTest.Limit));

    private static TheoryData<string, string> Table(IEnumerable<KeyValuePair<string, string>> entries)
    {
        TheoryData<string, string> table = [];
        foreach ((string name, string id) in entries) table.Add(name, id);
        return table;
    }

    private sealed class EndlessStream : MemoryStream
    {
        internal int Given { get; private set; }

        public override bool CanSeek => false;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Encoding.ASCII.GetBytes(new string('x', buffer.Length), buffer.Span);
            Given += buffer.Length;
            return ValueTask.FromResult(buffer.Length);
        }

        public override async Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            await ReadAsync(buffer.AsMemory(offset, count), cancellationToken);
    }
}
