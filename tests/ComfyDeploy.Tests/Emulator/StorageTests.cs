using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Emulator;

public sealed class StorageTests : IDisposable
{
    private readonly ComfyEmulator _emulator = ComfyEmulator.Start(new EmulatorOptions { Speed = 0 });
    private readonly EmulatorClient _client;

    public StorageTests() => _client = new EmulatorClient(_emulator);

    public void Dispose()
    {
        _client.Dispose();
        _emulator.Dispose();
    }

    [Fact]
    public async Task An_output_can_be_downloaded_only_without_the_key()
    {
        string url = Url(await FinishAsync("x"));
        Assert.StartsWith(_emulator.StorageUri.AbsoluteUri, url, StringComparison.Ordinal);
        Assert.NotEqual(_emulator.BaseUri.Port, _emulator.StorageUri.Port);
        Answer file = await _client.GetAsync(url);
        Assert.Equal(200, file.Status);
        Assert.Equal("image/png", file.ContentHeaders.ContentType!.MediaType);
        Assert.Equal(file.Bytes.Length, file.ContentHeaders.ContentLength);
        Assert.Equal("\x89PNG", Encoding.Latin1.GetString(file.Bytes, 0, 4));

        Answer leaked = await _client.SendAsync(HttpMethod.Get, url, authorization: "Bearer " + EmulatorClient.Text(_emulator.ApiKey));
        Assert.Equal(400, leaked.Status);
        Assert.Equal([false, true], _emulator.Requests.Where(r => r.IsStorage).Select(r => r.HasAuthorization));
    }

    [Fact]
    public async Task A_private_link_is_new_at_each_read_and_expires_after_an_hour()
    {
        JsonNode run = await FinishAsync("x #private");
        string first = Url(run);
        Assert.Equal(200, (await _client.GetAsync(first)).Status);
        Assert.Equal(403, (await _client.GetAsync(first.Split('?')[0])).Status);
        Assert.Equal(403, (await _client.GetAsync(first + "0")).Status);
        _emulator.Advance(TimeSpan.FromSeconds(3601));
        Answer expired = await _client.GetAsync(first);
        Assert.Equal(403, expired.Status);
        Assert.Contains("Request has expired", expired.Text, StringComparison.Ordinal);
        string second = Url(await _client.RunAsync(run["id"]!.GetValue<string>()));
        Assert.NotEqual(first, second);
        Assert.Equal(200, (await _client.GetAsync(second)).Status);
        Assert.DoesNotContain(_emulator.Requests, r => second.EndsWith(r.Query, StringComparison.Ordinal) && r.Query.Length > 0);
    }

    [Theory]
    [InlineData("#video", "gifs", "video/mp4")]
    [InlineData("#audio", "audio", "audio/wav")]
    [InlineData("#file", "files", "text/plain")]
    [InlineData("#mesh", "mesh", "model/gltf-binary")]
    [InlineData("#custom", "masks_by_someone", "image/png")]
    public async Task Each_kind_of_output_has_its_key_and_its_bytes(string tag, string key, string type)
    {
        JsonNode run = await FinishAsync(tag);
        JsonNode item = run["outputs"]![0]!["data"]![key]![0]!;
        Answer file = await _client.GetAsync(item["url"]!.GetValue<string>());
        Assert.Equal(type, file.ContentHeaders.ContentType!.MediaType);
        Assert.NotEmpty(file.Bytes);
    }

    [Fact]
    public async Task Several_images_differ_and_a_text_accompanies_one()
    {
        JsonArray images = (await FinishAsync("#multi=5"))["outputs"]![0]!["data"]!["images"]!.AsArray();
        Assert.Equal(5, images.Count);
        HashSet<string> contents = [];
        foreach (JsonNode? image in images) contents.Add(Convert.ToHexString((await _client.GetAsync(image!["url"]!.GetValue<string>())).Bytes));
        Assert.Equal(5, contents.Count);

        JsonArray both = (await FinishAsync("#text"))["outputs"]!.AsArray();
        Assert.Equal(["images", "text"], both.Select(o => o!["data"]!.AsObject().Single().Key));
    }

    [Fact]
    public async Task Unsafe_names_are_returned_and_their_links_work()
    {
        JsonArray images = (await FinishAsync("#badname"))["outputs"]![0]!["data"]!["images"]!.AsArray();
        string[] names = images.Select(i => i!["filename"]!.GetValue<string>()).ToArray();
        Assert.Contains("../../x.png", names);
        Assert.Contains("CON", names);
        Assert.Contains("", names);
        Assert.Equal(2, names.Count(n => n == "twin.png"));
        foreach (JsonNode? image in images) Assert.Equal(200, (await _client.GetAsync(image!["url"]!.GetValue<string>())).Status);
    }

    [Fact]
    public async Task Downloads_can_fail_too()
    {
        string url = Url(await FinishAsync("x"));
        _emulator.AddFault("GET /outputs/* = 503");
        Answer busy = await _client.GetAsync(url);
        Assert.Equal(503, busy.Status);
        Assert.Contains("<Code>SlowDown</Code>", busy.Text, StringComparison.Ordinal);
        _emulator.AddFault("GET /outputs/* = 403");
        Assert.Equal(403, (await _client.GetAsync(url)).Status);
        foreach (string broken in new[] { "cut", "wronglength", "reset" })
        {
            // HttpClient resends a GET when a reused connection ends before the first byte.
            _emulator.AddFault($"GET /outputs/* = {broken} always");
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => _client.GetAsync(url));
            _emulator.ClearFaults();
        }

        _emulator.AddFault("GET /outputs/* = drip 40000");
        Stopwatch watch = Stopwatch.StartNew();
        Answer slow = await _client.GetAsync(url);
        Assert.True(watch.Elapsed.TotalSeconds > slow.Bytes.Length / 40000.0 * 0.9);
    }

    [Fact]
    public async Task A_missing_file_is_refused_as_by_S3()
    {
        Answer answer = await _client.GetAsync(_emulator.StorageUri + "outputs/runs/x/y.png");
        Assert.Equal(403, answer.Status);
        Assert.Equal("application/xml", answer.ContentHeaders.ContentType!.MediaType);
    }

    [Fact]
    public async Task The_link_of_a_private_upload_expires_after_an_hour_and_its_content_is_not_logged()
    {
        string link = (await UploadAsync("cat #private.png", new byte[3_000_000]))["file_url"]!.GetValue<string>();
        Assert.Contains("X-Amz-Expires=3600", link, StringComparison.Ordinal);
        Assert.Equal(3_000_000, (await _client.GetAsync(link)).Bytes.Length);
        Assert.Equal(403, (await _client.GetAsync(link.Split('?')[0])).Status);
        _emulator.Advance(TimeSpan.FromSeconds(3601));
        Assert.Equal(403, (await _client.GetAsync(link)).Status);
        Assert.Equal(2_000, _emulator.Requests[0].Body.Length);
    }

    [Theory]
    [InlineData("a.csv.gz", "Unsupported file type")]
    [InlineData("a.eml", "Unsupported file type")]
    [InlineData("a.png.gz", null)]
    [InlineData(".txt", null)]
    public async Task The_type_is_that_of_the_name(string name, string? refusal) => Assert.Equal(refusal, (await UploadAsync(name, [1]))["detail"]?.GetValue<string>());

    [Fact]
    public async Task An_uploaded_file_is_in_the_storage()
    {
        byte[] bytes = [0x89, 13, 10, 13, 10, 45, 45, 0, 255];
        JsonNode uploaded = await UploadAsync("cat photo.png", bytes);
        Assert.Equal("cat photo.png", uploaded["file_name"]!.GetValue<string>());
        Assert.StartsWith("img_", uploaded["file_id"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(bytes, (await _client.GetAsync(uploaded["file_url"]!.GetValue<string>())).Bytes);
    }

    private async Task<JsonNode> UploadAsync(string name, byte[] bytes)
    {
        using HttpClient http = new() { Timeout = EmulatorClient.Limit };
        http.DefaultRequestHeaders.Authorization = new("Bearer", EmulatorClient.Text(_emulator.ApiKey));
        using MultipartFormDataContent form = new() { { new ByteArrayContent(bytes), "file", name } };
        using HttpResponseMessage response = await http.PostAsync(_client.Base + "/file/upload", form);
        return JsonNode.Parse(await response.Content.ReadAsStreamAsync())!;
    }

    [Fact]
    public async Task An_inline_image_becomes_a_link()
    {
        Answer answer = await _client.PostAsync("/run/deployment/queue", $$"""{"deployment_id":"{{EmulatorClient.Portrait}}","inputs":{"image":"data:image/png;base64,AQID"} }""");
        JsonNode run = await _client.RunAsync(answer.Json["run_id"]!.GetValue<string>());
        string link = run["workflow_inputs"]!["image"]!.GetValue<string>();
        Assert.Equal([1, 2, 3], (await _client.GetAsync(link)).Bytes);
    }

    private async Task<JsonNode> FinishAsync(string prompt)
    {
        string id = await _client.QueueAsync(prompt);
        _emulator.Advance(TimeSpan.FromMinutes(5));
        return await _client.RunAsync(id);
    }

    private static string Url(JsonNode run) => run["outputs"]![0]!["data"]!["images"]![0]!["url"]!.GetValue<string>();
}
