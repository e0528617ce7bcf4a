namespace ComfyDeploy.Emulator;

/// <summary>A seed cannot be used; the message says where and why.</summary>
public sealed class EmulatorSeedException : Exception
{
    /// <summary>Creates the exception without a message.</summary>
    public EmulatorSeedException()
    {
    }

    /// <summary>Creates the exception.</summary>
    public EmulatorSeedException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with its cause.</summary>
    public EmulatorSeedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
