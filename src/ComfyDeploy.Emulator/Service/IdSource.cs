namespace ComfyDeploy.Emulator.Service;

/// <summary>IDs that look like the service's and are the same for the same seed.</summary>
internal sealed class IdSource(Random random)
{
    private const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    public Guid NextGuid()
    {
        byte[] bytes = new byte[16];
        random.NextBytes(bytes);
        bytes[7] = (byte)((bytes[7] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes);
    }

    public string NextCallId() => "fc-" + Letters(26);

    public string NextFileId() => Letters(16);

    private string Letters(int count)
    {
        char[] text = new char[count];
        for (int i = 0; i < text.Length; i++) text[i] = Alphabet[random.Next(Alphabet.Length)];
        return new string(text);
    }
}
