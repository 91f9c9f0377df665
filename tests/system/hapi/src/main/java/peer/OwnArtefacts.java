package peer;

import ca.uhn.fhir.context.FhirContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.MetadataResource;

/**
 * The conformance resources that we publish, for the validator to hold other resources against: CodeSystem, ValueSet
 * and StructureDefinition as HAPI keeps them, and Questionnaire and ConceptMap, which HAPI's store drops in silence.
 */
final class OwnArtefacts extends PrePopulatedValidationSupport {
    private final FhirContext fhir;
    private final Map<String, IBaseResource> others = new HashMap<>();

    OwnArtefacts(FhirContext fhir) {
        super(fhir);
        this.fhir = fhir;
    }

    /** Reads every .json file under the folder; a file that is no conformance resource is an error, not skipped. */
    void read(Path folder) throws IOException {
        try (var files = Files.walk(folder)) {
            for (Path file : files.filter(path -> path.toString().endsWith(".json")).sorted().toList()) {
                var resource = fhir.newJsonParser().parseResource(Files.readString(file));
                if (!(resource instanceof MetadataResource artefact) || artefact.getUrl() == null) {
                    throw new IllegalArgumentException(file + " has no canonical address");
                }
                addResource(resource);
                others.put(artefact.getUrl(), resource);
            }
        }
    }

    @Override
    public <T extends IBaseResource> T fetchResource(Class<T> wanted, String address) {
        T found = super.fetchResource(wanted, address);
        if (found != null || wanted == null) {
            return found;
        }
        IBaseResource other = others.get(address.split("\\|", 2)[0]); // a canonical address may carry a version
        return wanted.isInstance(other) ? wanted.cast(other) : null;
    }
}
