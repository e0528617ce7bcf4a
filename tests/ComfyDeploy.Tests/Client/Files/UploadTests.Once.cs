using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client.Files;

public sealed partial class UploadTests
{
    [Fact]
    public async Task The_same_content_is_uploaded_once_for_eight_callers_at_the_same_time()
    {
        TaskCompletionSource release = new();
        ClientUnderTest test = new(new ScriptedHandler(async (_, _) =>
        {
            await release.Task;
            return Reply.Json(Done);
        }));
        string[] paths = [.. Enumerable.Range(0, 8).Select(i => _folder.Write(i % 2 == 0 ? "same.png" : $"{i}.PNG", "content"))];
        Task<ComfyFile>[] uploads = [.. paths.Select(path => UploadAsync(test, path))];
        release.SetResult();
        ComfyFile[] files = await Task.WhenAll(uploads);
        Assert.Single(test.Handler.Requests);
        Assert.Equal(paths.Select(Path.GetFileName), files.Select(file => file.FileName));
        Assert.Single(files.Select(file => file.Url).Distinct());

        // Later, and with another connection to the account.
        ApiSession other = new(ClientUnderTest.Connect(), test.Handler, test.Clock, test.Session.Account);
        long sent = 0;
        await new ComfyDeployClient(other, test.Log).UploadAsync(paths[1], bytes => sent = bytes, CancellationToken.None);
        Assert.Single(test.Handler.Requests);
        Assert.Equal("content".Length, sent);
    }

    [Fact]
    public async Task Another_content_or_extension_is_another_upload()
    {
        ClientUnderTest test = new(() => Reply.Json(Done));
        foreach (string name in (string[])["a.png", "a.jpg", "a"]) await UploadAsync(test, _folder.Write(name, "content"));
        await UploadAsync(test, _folder.Write("a.png", "another"));
        Assert.Equal(4, test.Handler.Requests.Count);
    }

    [Fact]
    public async Task A_failed_upload_is_not_kept()
    {
        ClientUnderTest test = new(() => Reply.Json("""{"detail":"Forbidden"}""", 403), () => Reply.Json(Done));
        string path = _folder.Write("cat.png", "x");
        await FailAsync(test, path);
        await UploadAsync(test, path);
        Assert.Equal(2, test.Handler.Requests.Count);
    }

    [Fact]
    public async Task The_upload_continues_while_a_caller_still_waits_and_is_canceled_with_the_last()
    {
        int canceled = 0;
        SemaphoreSlim arrived = new(0);
        TaskCompletionSource<HttpResponseMessage> answer = new();
        ClientUnderTest test = new(new ScriptedHandler(async (_, cancellationToken) =>
        {
            cancellationToken.Register(() => Interlocked.Increment(ref canceled));
            arrived.Release();
            return await answer.Task.WaitAsync(cancellationToken);
        }));
        string path = _folder.Write("cat.png", "x");
        using CancellationTokenSource first = new();
        using CancellationTokenSource second = new();
        using CancellationTokenSource third = new();
        Task<ComfyFile> early = UploadAsync(test, path, first.Token);
        await arrived.WaitAsync(ClientUnderTest.Limit);
        Task<ComfyFile> late = UploadAsync(test, path, second.Token);
        await UntilAsync(() => test.Session.Account.Uploads.Waiting == 2);

        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => early);
        Assert.Equal(0, canceled);
        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => late);
        Assert.Equal(1, canceled);

        Task<ComfyFile> again = UploadAsync(test, path, third.Token);
        await arrived.WaitAsync(ClientUnderTest.Limit);
        answer.SetResult(Reply.Json(Done));
        Assert.Equal("cat.png", (await again).FileName);
        Assert.Equal(2, test.Handler.Requests.Count);
    }

    [Fact]
    public async Task The_fault_of_one_file_is_not_the_fault_of_another_with_the_same_content()
    {
        string content = new('x', 3 * PartSize);
        string good = _folder.Write("good.png", content);
        string bad = _folder.Write("bad.png", content);
        ClientUnderTest test = new(() => Reply.Json(Done));
        TaskCompletionSource<Task<ComfyFile>> joined = new();
        Task<ComfyFile> first = test.Client.UploadAsync(
            bad,
            sent =>
            {
                if (sent != PartSize) return;
                joined.SetResult(UploadAsync(test, good));
                Assert.True(SpinWait.SpinUntil(() => test.Session.Account.Uploads.Waiting == 2, ClientUnderTest.Limit));
                using FileStream file = new(bad, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
                file.SetLength(2 * PartSize);
            },
            CancellationToken.None);
        await Assert.ThrowsAsync<ComfyDeployException>(() => first.WaitAsync(ClientUnderTest.Limit));
        Assert.Equal("good.png", (await await joined.Task).FileName);
        Assert.Single(test.Handler.Requests);
    }

    [Fact]
    public async Task A_link_that_soon_expires_is_uploaded_again()
    {
        ManualClock clock = new();
        string Signed() => $$"""{"file_id":"img_1","file_url":"https://storage.test/img_1.png?X-Amz-Date={{clock.Now:yyyyMMdd'T'HHmmss'Z'}}&X-Amz-Expires=3600"}""";
        ClientUnderTest test = new(new ScriptedHandler(_ => Reply.Json(Signed())), clock);
        string path = _folder.Write("cat.png", "x");
        ComfyFile first = await UploadAsync(test, path);
        Assert.Equal(clock.Now.AddHours(1), first.ExpiresAt!.Value.ToUniversalTime());
        clock.Advance(TimeSpan.FromMinutes(49));
        Assert.Equal(first.Url, (await UploadAsync(test, path)).Url);
        Assert.Single(test.Handler.Requests);
        clock.Advance(TimeSpan.FromMinutes(2));
        Assert.NotEqual(first.Url, (await UploadAsync(test, path)).Url);
        Assert.Equal(2, test.Handler.Requests.Count);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(ClientUnderTest.Limit);
        while (!condition()) await Task.Delay(5, limit.Token);
    }
}
