using System.Security;
using ComfyDeploy.Emulator.Faults;
using ComfyDeploy.Emulator.Http;
using ComfyDeploy.Emulator.Routes;
using ComfyDeploy.Emulator.Runs;
using ComfyDeploy.Emulator.Seed;
using ComfyDeploy.Emulator.Service;
using ComfyDeploy.Emulator.Storage;

namespace ComfyDeploy.Emulator;

/// <summary>
/// A local, offline ComfyDeploy service: it queues runs, moves them through their states on a clock that can run fast, serves their
/// outputs, and fails on request. For testing a runbook without paying for a GPU.
/// </summary>
public sealed class ComfyEmulator : IDisposable
{
    private readonly EmulatorClock _clock;
    private readonly Account _account;
    private readonly KeyRing _keys;
    private readonly FaultPlan _faults = new();
    private readonly RequestLog _log = new();
    private readonly ApiSite _api;
    private readonly StorageSite _storage;
    private readonly HttpServer? _apiServer;
    private readonly HttpServer? _storageServer;

    private ComfyEmulator(EmulatorOptions options, string? hostName = null)
    {
        EmulatorSeed seed = SeedReader.Read(options);
        foreach (string fault in options.Faults) AddFault(fault);
        DateTime start = options.StartTime?.ToUniversalTime() ?? DateTime.UtcNow;
        _clock = new EmulatorClock(start, options.Speed, options.Elapsed);
        _account = new Account(seed, _clock, options.RandomSeed);
        _keys = new KeyRing(seed.Keys);
        ApiKey = _keys.Issue(seed.Users[0].Id, null, start);
        _storage = new StorageSite(_account, _keys);
        _api = new ApiSite(_account, _keys, _storage.Link);
        if (hostName is not null)
        {
            BaseUri = new Uri($"http://{hostName}.test/api");
            _storage.BaseUri = new Uri($"http://storage.{hostName}.test/");
            return;
        }

        _apiServer = new HttpServer(options.Port, HandleApi, () => _clock.Now);
        _storageServer = new HttpServer(0, HandleStorage, () => _clock.Now);
        BaseUri = new Uri($"http://127.0.0.1:{_apiServer.Port}/api");
        _storage.BaseUri = new Uri($"http://127.0.0.1:{_storageServer.Port}/");
    }

    /// <summary>The base URL of the API.</summary>
    public Uri BaseUri { get; }

    /// <summary>The URL of the storage host, which serves the outputs. It is another origin, so a key sent there is a leak.</summary>
    public Uri StorageUri => _storage.BaseUri;

    /// <summary>A key of the first user, in the format of the service's keys. Only this emulator accepts it.</summary>
    public SecureString ApiKey { get; }

    /// <summary>Emulated seconds per real second; at 0, only <see cref="Advance"/> moves the clock.</summary>
    public double Speed => _clock.Speed;

    /// <summary>The emulator's clock, UTC. Its responses send it as their Date header.</summary>
    public DateTime Now => _clock.Now;

    /// <summary>The requests received so far, by the API and by the storage host.</summary>
    public IReadOnlyList<EmulatorRequest> Requests => _log.Snapshot();

    /// <summary>All runs in their current state, oldest first.</summary>
    public IReadOnlyList<EmulatorRun> Runs
    {
        get
        {
            _faults.CatchUp(Now);
            lock (_account.Gate)
            {
                DateTime now = _account.Now;
                return _account.Runs.Select(run => Describe(run, now)).ToArray();
            }
        }
    }

    /// <summary>Starts an emulator, which runs until it is stopped.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">The port is in use.</exception>
    /// <exception cref="EmulatorSeedException">The seed cannot be used.</exception>
    /// <exception cref="ArgumentException">A fault cannot be read, or the speed is negative.</exception>
    public static ComfyEmulator Start(EmulatorOptions? options = null)
    {
        options ??= new EmulatorOptions();
        if (!(options.Speed >= 0) || double.IsInfinity(options.Speed)) throw new ArgumentException("The speed is a number of emulated seconds per second, 0 or more.", nameof(options));
        return new ComfyEmulator(options);
    }

    /// <summary>An emulator without sockets: <see cref="Handle"/> is its only way in.</summary>
    internal static ComfyEmulator WithoutSockets(EmulatorOptions options, string hostName) => new(options, hostName);

    /// <summary>Answers one request.</summary>
    internal HttpResponse Handle(HttpRequest request, bool isStorage) => isStorage ? HandleStorage(request) : HandleApi(request);

    /// <summary>Creates another key. With <paramref name="orgId"/> it sees that organization's rows, without it the user's own.</summary>
    public SecureString AddKey(string userId, string? orgId = null)
    {
        lock (_account.Gate)
        {
            // Lists show the name of a row's owner, so every user with a key needs one.
            if (!_account.Seed.Users.Exists(user => user.Id == userId)) _account.Seed.Users.Add(new SeedUser { Id = userId, Name = userId });
        }

        return _keys.Issue(userId, orgId, Now);
    }

    /// <summary>Plans a fault, as in <c>POST /run/deployment/queue = 429 retry-after=2 x3</c>.</summary>
    /// <exception cref="ArgumentException">The text cannot be read; the message lists what is allowed.</exception>
    public void AddFault(string fault) => _faults.Add(FaultGrammar.Read(fault));

    /// <summary>Removes the faults that have not occurred yet.</summary>
    public void ClearFaults() => _faults.Clear();

    /// <summary>Moves the clock forward.</summary>
    public void Advance(TimeSpan time)
    {
        if (time < TimeSpan.Zero) throw new ArgumentOutOfRangeException(nameof(time), time, "The clock cannot go back.");
        _clock.Advance(time);
    }

    /// <summary>Sets the status of a run to any word, known to the service or not. The run never changes again.</summary>
    /// <exception cref="ArgumentException">There is no such run.</exception>
    public void SetStatus(string runId, string status, bool ended = false)
    {
        lock (_account.Gate)
        {
            Run run = (Guid.TryParse(runId, out Guid id) ? _account.FindRun(id) : null) ?? throw new ArgumentException($"There is no run '{runId}'.", nameof(runId));
            _account.Force(run, status, ended);
        }
    }

    /// <summary>Closes all connections and frees the ports. The requests received can still be read.</summary>
    public void Stop()
    {
        _apiServer?.Dispose();
        _storageServer?.Dispose();
    }

    /// <summary>Stops.</summary>
    public void Dispose() => Stop();

    private HttpResponse HandleApi(HttpRequest request)
    {
        string path = request.Path.StartsWith("/api/", StringComparison.Ordinal) ? request.Path.Substring("/api".Length) : request.Path;
        _faults.CatchUp(Now);
        EmulatorRequest entry = _log.Add(request, isStorage: false, _api.IsAuthorized(request), Now);
        return Finish(entry, _faults.Answer(request, path, Now, () => _api.Handle(request), ApiSite.EdgeError));
    }

    private HttpResponse HandleStorage(HttpRequest request)
    {
        EmulatorRequest entry = _log.Add(request, isStorage: true, _api.IsAuthorized(request), Now);
        return Finish(entry, _faults.Answer(request, request.Path, Now, () => _storage.Handle(request), PlannedStorageError));
    }

    private static HttpResponse PlannedStorageError(int status) => status == 503
        ? StorageSite.Error(503, "SlowDown", "Please reduce your request rate.")
        : StorageSite.Error(status, status == 403 ? "AccessDenied" : "InternalError", status == 403 ? "Request has expired" : "Planned fault");

    private static HttpResponse Finish(EmulatorRequest entry, HttpResponse response)
    {
        bool isComplete = response.Delivery is Delivery.Complete or Delivery.Close && response.LengthError == 0;
        entry.Status = isComplete ? response.Status : null;
        return response;
    }

    private static EmulatorRun Describe(Run run, DateTime now) => new()
    {
        RunId = run.Id.ToString("D"),
        DeploymentId = run.Deployment?.Id.ToString("D"),
        DeploymentName = run.Deployment is null ? run.Workflow.Name : run.Workflow.Name + "/" + run.Deployment.Environment,
        Status = RunView.At(run, now, readAsTimeout: false).Status,
        CreatedAt = run.CreatedAt,
        Inputs = run.Inputs.ToJsonString(),
    };
}
